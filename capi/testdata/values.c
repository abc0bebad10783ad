/* Strings, sequences and optional values, there and back, and what is wrong with them: values MODEL LIBRARY, or reference in its place.
 * MODEL gives back text, list, maybe and lists. */
#include <astronnx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "want.h"

enum { TEXT, LIST, MAYBE, LISTS, ALL };

static astronnx_model *m;
static int64_t three[] = {3}, one[] = {1}, none[] = {0};
static astronnx_string words[3];
static float x[] = {1, 2, 3};
static astronnx_tensor items[2], lists[1], in[ALL], out[ALL];

static astronnx_tensor numbers(int64_t *dims) {
	return (astronnx_tensor){.dtype = ASTRONNX_FLOAT32, .rank = 1, .dims = dims, .data = x, .bytes = (size_t)dims[0] * sizeof *x};
}

/* holding is a sequence or an optional of n values. */
static astronnx_tensor holding(int32_t dtype, astronnx_tensor *values, size_t n) {
	return (astronnx_tensor){.dtype = dtype, .data = values, .bytes = n * sizeof *values};
}

static void start(void) {
	words[0] = (astronnx_string){"sky", 3};
	words[1] = (astronnx_string){"a\0b", 3};
	words[2] = (astronnx_string){NULL, 0};
	items[0] = numbers(three);
	items[1] = numbers(one);
	lists[0] = holding(ASTRONNX_SEQUENCE, items, 1);
	in[TEXT] = (astronnx_tensor){.dtype = ASTRONNX_STRING, .rank = 1, .dims = three, .data = words, .bytes = sizeof words};
	in[LIST] = holding(ASTRONNX_SEQUENCE, items, 2);
	in[MAYBE] = holding(ASTRONNX_OPTIONAL, items, 1);
	in[LISTS] = holding(ASTRONNX_OPTIONAL, lists, 1);
	memset(out, 0, sizeof out);
}

static int is_numbers(const astronnx_tensor *t, int64_t n) {
	return t->dtype == ASTRONNX_FLOAT32 && t->rank == 1 && t->dims[0] == n && t->bytes == (size_t)n * sizeof *x &&
	       memcmp(t->data, x, t->bytes) == 0;
}

static int is_string(const astronnx_string *s, const char *data, size_t n) {
	return s->bytes == n && memcmp(s->data, data, n + 1) == 0; /* with the 0 behind it */
}

static void there_and_back(void) {
	astronnx_results *r;
	start();
	OK(astronnx_model_run(m, in, ALL, out, ALL, &r, &e));
	memset(words, 0, sizeof words); /* nothing that comes back lies in memory of ours */
	memset(items, 0, sizeof items);
	memset(lists, 0, sizeof lists);
	const astronnx_string *s = out[TEXT].data;
	CHECK(out[TEXT].dtype == ASTRONNX_STRING && out[TEXT].rank == 1 && out[TEXT].dims[0] == 3 && out[TEXT].bytes == 3 * sizeof *s);
	CHECK(is_string(&s[0], "sky", 3) && is_string(&s[1], "a\0b", 3) && is_string(&s[2], "", 0));
	const astronnx_tensor *t = out[LIST].data;
	CHECK(out[LIST].dtype == ASTRONNX_SEQUENCE && out[LIST].rank == 0 && out[LIST].bytes == 2 * sizeof *t);
	CHECK(is_numbers(&t[0], 3) && is_numbers(&t[1], 1));
	CHECK(out[MAYBE].dtype == ASTRONNX_OPTIONAL && out[MAYBE].bytes == sizeof *t && is_numbers(out[MAYBE].data, 3));
	t = out[LISTS].data;
	CHECK(out[LISTS].dtype == ASTRONNX_OPTIONAL && t->dtype == ASTRONNX_SEQUENCE && t->bytes == sizeof *t && is_numbers(t->data, 3));
	OK(astronnx_results_close(r, &e));
}

/* Empty sequences go in on the reference engine only: onnxruntime cannot make one. */
static void empty(int reference) {
	astronnx_results *r;
	start();
	in[TEXT] = (astronnx_tensor){.dtype = ASTRONNX_STRING, .rank = 1, .dims = none};
	in[MAYBE] = items[0]; /* the value itself */
	OK(astronnx_model_run(m, in, ALL, out, ALL, &r, &e));
	CHECK(out[TEXT].dtype == ASTRONNX_STRING && out[TEXT].dims[0] == 0 && out[TEXT].bytes == 0 && out[TEXT].data);
	CHECK(out[MAYBE].dtype == ASTRONNX_OPTIONAL && is_numbers(out[MAYBE].data, 3));
	OK(astronnx_results_close(r, &e));

	start();
	in[MAYBE] = in[LISTS] = holding(ASTRONNX_OPTIONAL, NULL, 0);
	OK(astronnx_model_run(m, in, ALL, out, ALL, &r, &e));
	for (int i = MAYBE; i <= LISTS; i++) CHECK(out[i].dtype == ASTRONNX_OPTIONAL && out[i].bytes == 0 && out[i].data);
	OK(astronnx_results_close(r, &e));

	start();
	in[LIST] = holding(ASTRONNX_SEQUENCE, NULL, 0);
	if (!reference) {
		WANT(astronnx_model_run(m, in, ALL, out, ALL, &r, &e), ASTRONNX_ENGINE, "at least 1");
		return;
	}
	lists[0] = holding(ASTRONNX_SEQUENCE, NULL, 0);
	OK(astronnx_model_run(m, in, ALL, out, ALL, &r, &e));
	CHECK(out[LIST].dtype == ASTRONNX_SEQUENCE && out[LIST].bytes == 0 && out[LIST].data);
	CHECK(((astronnx_tensor *)out[LISTS].data)->bytes == 0);
	OK(astronnx_results_close(r, &e));
}

static void description(void) {
	const astronnx_model_info *info;
	OK(astronnx_model_info_of(m, &info, &e));
	CHECK(info->inputs[TEXT].dtype == ASTRONNX_STRING && info->inputs[TEXT].rank == 1);
	CHECK(info->inputs[LIST].dtype == ASTRONNX_SEQUENCE + ASTRONNX_FLOAT32 && info->inputs[LIST].rank == 1);
	CHECK(info->inputs[MAYBE].dtype == ASTRONNX_OPTIONAL + ASTRONNX_FLOAT32 && strcmp(info->inputs[MAYBE].symbols[0], "N") == 0);
	CHECK(info->outputs[LISTS].dtype == ASTRONNX_OPTIONAL + ASTRONNX_SEQUENCE + ASTRONNX_FLOAT32 && info->outputs[LISTS].dims[0] == -1);
}

static void misuse(void) {
	astronnx_results *r;
#define BAD(change, text)                                                                    \
	start();                                                                             \
	change;                                                                              \
	WANT(astronnx_model_run(m, in, ALL, out, ALL, &r, &e), ASTRONNX_INPUT, text);         \
	CHECK(r == NULL && out[TEXT].data == NULL)
	BAD(words[2].bytes = 1, "string 2 is NULL");
	BAD(words[1].bytes = (size_t)-1, "no memory is that large");
	BAD(in[TEXT].bytes = 16, "16 bytes were given, string[3] needs 48");
	BAD(in[TEXT].data = NULL, "data is NULL");
	BAD(in[TEXT].data = (char *)words + 1, "aligned to 8");
	BAD(in[TEXT] = items[0], "expected string");
	int64_t many = INT64_MAX, negative = -1;
	BAD(in[TEXT].dims = &many, "too many");
	BAD(in[TEXT].dims = &negative, "negative");

	BAD(in[LIST].rank = 1, "rank of the sequence is 1");
	BAD(in[LIST].data = NULL, "data is NULL");
	BAD(in[LIST].data = (char *)items + 4, "aligned to 8");
	BAD(in[LIST].bytes -= 1, "95 bytes were given");
	BAD(in[LIST].bytes = -sizeof items, "bytes were given");
	BAD(items[1] = in[TEXT], "element 1 of the sequence: it is string[3], the first is float32[3]");
	BAD(items[1].data = NULL, "element 1 of the sequence: data is NULL");
	BAD(items[1] = (astronnx_tensor){0}, "element type 0");
	BAD((items[0] = items[1] = holding(ASTRONNX_SEQUENCE, items, 1)), "nested deeper than 4");
	BAD(in[LIST] = in[TEXT], "expected");
	BAD(in[LIST] = items[0], "expected");
	BAD(in[LIST] = in[MAYBE], "expected");

	BAD(in[MAYBE] = holding(ASTRONNX_OPTIONAL, items, 2), "an optional holds one or none");
	BAD(items[0] = in[TEXT], "it is");
	BAD(in[MAYBE] = in[LIST], "expected");
	BAD(lists[0] = items[0], "expected");

	for (int i = 0; i < ALL; i++) { /* memory of ours */
		start();
		astronnx_tensor was = out[i] = in[i];
		WANT(astronnx_model_run(m, in, ALL, out, ALL, &r, &e), ASTRONNX_OUTPUT, "only tensors of numbers");
		CHECK(strstr(e.hint, "NULL") && memcmp(&out[i], &was, sizeof was) == 0);
		out[i] = items[0];
		WANT(astronnx_model_run(m, in, ALL, out, ALL, &r, &e), ASTRONNX_OUTPUT, "");
		CHECK(memcmp(&out[i], &items[0], sizeof was) == 0);
	}
	start();
	WANT(astronnx_model_run(m, in, ALL, out, ALL, NULL, &e), ASTRONNX_OUTPUT, "results is NULL");
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	astronnx_options o = {.size = sizeof o, .library = argv[2], .threads = 1};
	int reference = strcmp(argv[2], "reference") == 0;
	if (reference) o = (astronnx_options){.size = sizeof o, .engine = argv[2]};
	OK(astronnx_model_open(argv[1], &o, &m, &e));
	description(), there_and_back(), empty(reference), misuse();
	OK(astronnx_model_close(m, &e));
	return failures != 0;
}
