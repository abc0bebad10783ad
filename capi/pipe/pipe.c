/* Runs models for another process by the functions of astronnx.h: astronnx-pipe ENGINE LIBRARY, where "" is the default. It is for
 * programs that cannot load the library, as one in Go, which has a Go runtime already: "astronnx conformance --capi" judges by it.
 *
 * A request comes on standard input, its answer goes to standard output. Numbers are int64 in the machine's order; texts and arrays
 * have their length in bytes before them. An answer is a status and a message, and after status 0
 *
 *     'o' model                           opens the bytes of a file: n_inputs, n_outputs, and each one's name, dtype, rank and dims
 *     'r' n {name dtype rank dims data}   runs it twice: each output's dtype, rank, dims, the data that the library allocated, and
 *                                         as many bytes that it wrote into memory of ours
 *     'c'                                 closes it: nothing
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

/* again runs the model once more, into memory of ours of the sizes that out has. */
static int again(const astronnx_tensor *in, size_t n_in, const astronnx_tensor *out, astronnx_tensor *mine, size_t n_out,
                 astronnx_error *e) {
	for (size_t i = 0; i < n_out; i++) {
		mine[i] = out[i];
		mine[i].data = calloc(1, out[i].bytes + 1);
	}
	return astronnx_model_run(model, in, n_in, mine, n_out, NULL, e);
}

static void run(void) {
	astronnx_error e;
	size_t n_in = (size_t)number(), n_out = info->n_outputs, n;
	astronnx_tensor *in = calloc(n_in + 1, sizeof *in), *out = calloc(n_out + 1, sizeof *out);
	astronnx_tensor *mine = calloc(n_out + 1, sizeof *mine);
	for (size_t i = 0; i < n_in; i++) {
		in[i].name = bytes(&n);
		in[i].dtype = (int32_t)number();
		in[i].rank = (int32_t)number();
		int64_t *dims = calloc((size_t)in[i].rank + 1, sizeof *dims);
		take(dims, (size_t)in[i].rank * sizeof *dims);
		in[i].dims = dims;
		in[i].data = bytes(&in[i].bytes);
	}
	astronnx_results *results;
	int s = astronnx_model_run(model, in, n_in, out, n_out, &results, &e);
	if (!s) s = again(in, n_in, out, mine, n_out, &e);
	answer(s, e.message);
	for (size_t i = 0; i < n_out && !s; i++) {
		give_number(out[i].dtype);
		give_number(out[i].rank);
		give(out[i].dims, (size_t)out[i].rank * sizeof *out[i].dims);
		give_bytes(out[i].data, out[i].bytes);
		give(mine[i].data, mine[i].bytes);
	}
	if (results) astronnx_results_close(results, NULL);
	for (size_t i = 0; i < n_in; i++) {
		free((void *)in[i].name);
		free((void *)in[i].dims);
		free(in[i].data);
	}
	for (size_t i = 0; i < n_out; i++) free(mine[i].data);
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
