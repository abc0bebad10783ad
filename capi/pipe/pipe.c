/* Runs models for another process by the functions of astronnx.h: astronnx-pipe ENGINE LIBRARY, where "" is the default. It is for
 * programs that cannot load the library, as one in Go, which has a Go runtime already: "astronnx conformance --capi" judges by it.
 *
 * A request comes on standard input, its answer goes to standard output. Numbers are int64 in the machine's order; texts and arrays
 * have their length in bytes before them. An answer is a status and a message, and after status 0
 *
 *     'o' model                           opens the bytes of a file: n_inputs, n_outputs, and each one's name, dtype, rank and dims
 *     'r' n {name value}                  runs it twice: each output's value that the library allocated, and the one that it wrote into
 *                                         memory of ours, or allocated again where it has to
 *     'c'                                 closes it: nothing
 *
 * A value is its dtype, rank, dims and data: an array, or the number of its strings or values before these.
 */
#include <astronnx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(void *to, size_t n) {
	if (n > 0 && fread(to, 1, n, stdin) != n) exit(0); /* the other process has ended */
}

static int64_t number(void) {
	int64_t v;
	take(&v, sizeof v);
	return v;
}

/* bytes returns memory to free, with a 0 behind it. */
static char *bytes(size_t *n) {
	*n = (size_t)number();
	char *b = malloc(*n + 1);
	if (!b) abort();
	take(b, *n);
	b[*n] = 0;
	return b;
}

static void give(const void *from, size_t n) {
	if (fwrite(from, 1, n, stdout) != n) exit(1);
}

static void give_number(int64_t v) { give(&v, sizeof v); }

static void give_bytes(const void *from, size_t n) {
	give_number((int64_t)n);
	give(from, n);
}

static void answer(int status, const char *message) {
	give_number(status);
	give_bytes(message, status ? strlen(message) : 0);
}

static int is_numbers(const astronnx_tensor *t) { return t->dtype != ASTRONNX_STRING && t->dtype < ASTRONNX_SEQUENCE; }

/* take_value reads a value, whose memory is to be freed. */
static void take_value(astronnx_tensor *t) {
	t->dtype = (int32_t)number();
	t->rank = (int32_t)number();
	int64_t *dims = calloc((size_t)t->rank + 1, sizeof *dims);
	take(dims, (size_t)t->rank * sizeof *dims);
	t->dims = t->dtype < ASTRONNX_SEQUENCE ? dims : NULL;
	if (!t->dims) free(dims);
	if (is_numbers(t)) {
		t->data = bytes(&t->bytes);
		return;
	}
	size_t n = (size_t)number(), each = t->dtype == ASTRONNX_STRING ? sizeof(astronnx_string) : sizeof *t;
	t->data = calloc(n + 1, each);
	t->bytes = n * each;
	for (size_t i = 0; i < n; i++) {
		astronnx_string *s = (astronnx_string *)t->data + i;
		if (t->dtype == ASTRONNX_STRING)
			s->data = bytes(&s->bytes);
		else
			take_value((astronnx_tensor *)t->data + i);
	}
}

static void free_value(astronnx_tensor *t) {
	if (t->dtype == ASTRONNX_STRING)
		for (size_t i = 0; i < t->bytes / sizeof(astronnx_string); i++) free((void *)((astronnx_string *)t->data)[i].data);
	if (t->dtype >= ASTRONNX_SEQUENCE)
		for (size_t i = 0; i < t->bytes / sizeof *t; i++) free_value((astronnx_tensor *)t->data + i);
	free((void *)t->dims);
	free(t->data);
}

static void give_value(const astronnx_tensor *t) {
	give_number(t->dtype);
	give_number(t->rank);
	give(t->dims, (size_t)t->rank * sizeof *t->dims);
	if (t->dtype == ASTRONNX_STRING) {
		size_t n = t->bytes / sizeof(astronnx_string);
		give_number((int64_t)n);
		for (const astronnx_string *s = t->data; n > 0; n--, s++) give_bytes(s->data, s->bytes);
	} else if (t->dtype >= ASTRONNX_SEQUENCE) {
		size_t n = t->bytes / sizeof *t;
		give_number((int64_t)n);
		for (const astronnx_tensor *e = t->data; n > 0; n--, e++) give_value(e);
	} else
		give_bytes(t->data, t->bytes);
}

static astronnx_model *model;
static const astronnx_model_info *info;

static void open_model(const char *engine, const char *library) {
	astronnx_error e;
	astronnx_options o = {.size = sizeof o, .engine = *engine ? engine : NULL, .library = *library ? library : NULL, .threads = 1};
	size_t n;
	char *b = bytes(&n);
	int s = astronnx_model_open_bytes(b, n, &o, &model, &e);
	free(b);
	if (!s) s = astronnx_model_info_of(model, &info, &e);
	answer(s, e.message);
	if (s) return;
	give_number((int64_t)info->n_inputs);
	give_number((int64_t)info->n_outputs);
	for (size_t i = 0; i < info->n_inputs + info->n_outputs; i++) {
		const astronnx_port *p = i < info->n_inputs ? &info->inputs[i] : &info->outputs[i - info->n_inputs];
		give_bytes(p->name, strlen(p->name));
		give_number(p->dtype);
		give_number(p->rank);
		for (int k = 0; k < p->rank; k++) give_number(p->dims[k]);
	}
}

/* again runs the model once more, numbers into memory of ours of the sizes that out has. */
static int again(const astronnx_tensor *in, size_t n_in, const astronnx_tensor *out, astronnx_tensor *mine, size_t n_out,
                 astronnx_results **results, astronnx_error *e) {
	int all = 1;
	for (size_t i = 0; i < n_out; i++) {
		if (is_numbers(&out[i])) {
			mine[i] = out[i];
			mine[i].data = calloc(1, out[i].bytes + 1);
		} else
			all = 0;
	}
	return astronnx_model_run(model, in, n_in, mine, n_out, all ? NULL : results, e);
}

static void run(void) {
	astronnx_error e;
	size_t n_in = (size_t)number(), n_out = info->n_outputs, n;
	astronnx_tensor *in = calloc(n_in + 1, sizeof *in), *out = calloc(n_out + 1, sizeof *out);
	astronnx_tensor *mine = calloc(n_out + 1, sizeof *mine);
	for (size_t i = 0; i < n_in; i++) {
		in[i].name = bytes(&n);
		take_value(&in[i]);
	}
	astronnx_results *results, *others = NULL;
	int s = astronnx_model_run(model, in, n_in, out, n_out, &results, &e);
	if (!s) s = again(in, n_in, out, mine, n_out, &others, &e);
	answer(s, e.message);
	for (size_t i = 0; i < n_out && !s; i++) {
		give_value(&out[i]);
		give_value(&mine[i]);
	}
	for (size_t i = 0; i < n_out; i++)
		if (is_numbers(&out[i])) free(mine[i].data);
	if (results) astronnx_results_close(results, NULL);
	if (others) astronnx_results_close(others, NULL);
	for (size_t i = 0; i < n_in; i++) {
		free((void *)in[i].name);
		free_value(&in[i]);
	}
	free(in);
	free(out);
	free(mine);
}

int main(int argc, char **argv) {
	if (argc != 3) return fprintf(stderr, "usage: %s ENGINE LIBRARY\n", argv[0]), 2;
	for (;; fflush(stdout)) {
		astronnx_error e;
		switch (number()) {
		case 'o': open_model(argv[1], argv[2]); break;
		case 'r': run(); break;
		case 'c': answer(astronnx_model_close(model, &e), e.message); break;
		default: return 2;
		}
	}
}
