/* Every wrong use that a C program can make: misuse MODEL LIBRARY. MODEL is y = 2x + 1 over float32 (N, 1, 48). */
#include <astronnx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "want.h"

static int64_t dims[] = {1, 1, 48};
static float x[48 + 1], y[48];
static astronnx_model *m;

static astronnx_tensor tensor(float *data) {
	return (astronnx_tensor){.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = dims, .data = data, .bytes = 48 * sizeof *data};
}

static void opening(const char *path, const char *library) {
	astronnx_options o = {.size = sizeof o, .library = library};
	astronnx_model *none = (astronnx_model *)1;
	WANT(astronnx_model_open(NULL, &o, &none, &e), ASTRONNX_INPUT, "path is NULL");
	CHECK(none == NULL);
	WANT(astronnx_model_open(path, &o, NULL, &e), ASTRONNX_INPUT, "model is NULL");
	WANT(astronnx_model_open("no/such.onnx", &o, &none, &e), ASTRONNX_INPUT, "no/such.onnx");
	WANT(astronnx_model_open_bytes(NULL, 3, &o, &none, &e), ASTRONNX_INPUT, "data is NULL");
	WANT(astronnx_model_open_bytes("abc", 3, &o, &none, &e), ASTRONNX_INVALID, "");
	o.size = 3;
	WANT(astronnx_model_open(path, &o, &none, &e), ASTRONNX_INPUT, "options.size");
	CHECK(strstr(e.hint, "sizeof"));
	o = (astronnx_options){.size = sizeof o, .library = "no/such.so"};
	WANT(astronnx_model_open(path, &o, &none, &e), ASTRONNX_UNAVAILABLE, "no/such.so");
	o = (astronnx_options){.size = sizeof o, .engine = "abacus"};
	WANT(astronnx_model_open(path, &o, &none, &e), ASTRONNX_UNAVAILABLE, "abacus");
	o = (astronnx_options){.size = sizeof o, .library = library, .provider = "Abacus"};
	WANT(astronnx_model_open(path, &o, &none, &e), ASTRONNX_UNAVAILABLE, "Abacus");
	CHECK(astronnx_model_open(NULL, NULL, NULL, NULL) == ASTRONNX_INPUT);
}

static void handles(void) {
	const astronnx_model_info *info;
	WANT(astronnx_model_info_of(NULL, &info, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_model_info_of((astronnx_model *)x, &info, &e), ASTRONNX_HANDLE, "no handle");
	WANT(astronnx_model_info_of((astronnx_model *)7, &info, &e), ASTRONNX_HANDLE, "no handle");
	WANT(astronnx_model_info_of(m, NULL, &e), ASTRONNX_INPUT, "info is NULL");
	WANT(astronnx_results_close((astronnx_results *)m, &e), ASTRONNX_HANDLE, "another kind");
	WANT(astronnx_map_close((astronnx_map *)m, &e), ASTRONNX_HANDLE, "expected map");
	WANT(astronnx_model_cancel(NULL, &e), ASTRONNX_HANDLE, "NULL");
}

static void description(void) {
	const astronnx_model_info *info;
	OK(astronnx_model_info_of(m, &info, &e));
	CHECK(info->n_inputs == 1 && strcmp(info->inputs[0].name, "x") == 0 && info->inputs[0].dtype == ASTRONNX_FLOAT32);
	CHECK(info->inputs[0].rank == 3 && info->inputs[0].dims[0] == -1 && strcmp(info->inputs[0].symbols[0], "N") == 0);
	CHECK(info->inputs[0].dims[2] == 48 && strcmp(info->inputs[0].symbols[2], "") == 0 && !info->inputs[0].optional);
	CHECK(info->n_outputs == 1 && strcmp(info->outputs[0].name, "y") == 0);
	CHECK(info->n_metadata == 1 && strcmp(info->metadata[0].key, "author") == 0 && strcmp(info->metadata[0].value, "the test") == 0);
	CHECK(strcmp(info->engine, "onnxruntime") == 0 && *info->library && *info->version && strstr(info->report, info->library));
}

static void running(void) {
	astronnx_tensor in = tensor(x), out = tensor(y), was;
	astronnx_results *r = NULL;
	for (int i = 0; i < 48; i++) x[i] = (float)i;

	OK(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e)); /* in place */
	CHECK(y[0] == 1 && y[47] == 95);
	out = (astronnx_tensor){0};
	OK(astronnx_model_run(m, &in, 1, &out, 1, &r, &e)); /* allocated */
	CHECK(r && out.rank == 3 && out.dims[2] == 48 && out.dtype == ASTRONNX_FLOAT32 && ((float *)out.data)[47] == 95);
	OK(astronnx_results_close(r, &e));
	WANT(astronnx_results_close(r, &e), ASTRONNX_CLOSED, "results was closed");
	WANT(astronnx_model_run(m, &in, 1, NULL, 0, NULL, &e), ASTRONNX_OUTPUT, "no output");

	out = (astronnx_tensor){0};
	WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), ASTRONNX_OUTPUT, "results is NULL");
	WANT(astronnx_model_run(NULL, &in, 1, &out, 1, &r, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_model_run(m, NULL, 1, &out, 1, &r, &e), ASTRONNX_INPUT, "given as NULL");
	WANT(astronnx_model_run(m, NULL, 0, &out, 1, &r, &e), ASTRONNX_INPUT, "is missing");
	WANT(astronnx_model_run(m, &in, (size_t)-1, &out, 1, &r, &e), ASTRONNX_INPUT, "the model has 1");
	WANT(astronnx_model_run(m, &in, 1, NULL, 1, &r, &e), ASTRONNX_OUTPUT, "given as NULL");
	WANT(astronnx_model_run(m, &in, 1, &out, 2, &r, &e), ASTRONNX_OUTPUT, "the model has 1");
	in.name = "z";
	WANT(astronnx_model_run(m, &in, 1, &out, 1, &r, &e), ASTRONNX_INPUT, "\"z\"");
	in = tensor(x), out.name = "z";
	WANT(astronnx_model_run(m, &in, 1, &out, 1, &r, &e), ASTRONNX_OUTPUT, "\"z\"");
	CHECK(r == NULL);

#define BAD(field, value, status, text)                                             \
	in = tensor(x), out = was = tensor(y), in.field = value;                     \
	WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), status, text);        \
	CHECK(memcmp(&out, &was, sizeof out) == 0)
	BAD(dtype, ASTRONNX_INT64, ASTRONNX_INPUT, "192 bytes were given");
	BAD(dtype, ASTRONNX_INT32, ASTRONNX_INPUT, "expected float32");
	BAD(dtype, ASTRONNX_STRING, ASTRONNX_INPUT, "192 bytes were given");
	BAD(dtype, ASTRONNX_SEQUENCE, ASTRONNX_INPUT, "rank of the sequence is 3");
	BAD(dtype, ASTRONNX_SEQUENCE + ASTRONNX_FLOAT32, ASTRONNX_INPUT, "element type 257");
	BAD(dtype, -1, ASTRONNX_INPUT, "element type -1");
	BAD(rank, -1, ASTRONNX_INPUT, "rank is -1");
	BAD(rank, 1 << 30, ASTRONNX_INPUT, "rank is");
	BAD(dims, NULL, ASTRONNX_INPUT, "dims is NULL");
	BAD(data, NULL, ASTRONNX_INPUT, "data is NULL");
	BAD(data, (char *)x + 1, ASTRONNX_INPUT, "aligned");
	BAD(bytes, 191, ASTRONNX_INPUT, "191 bytes");
	BAD(bytes, (size_t)-1, ASTRONNX_INPUT, "bytes were given");
	int64_t strides[] = {48, 1, 2}, fine[] = {7, 7, 1}, negative[] = {1, 1, -48}, many[] = {1, INT64_MAX, 48}, other[] = {1, 1, 12};
	BAD(strides, strides, ASTRONNX_INPUT, "row-major");
	BAD(dims, negative, ASTRONNX_INPUT, "negative");
	BAD(dims, many, ASTRONNX_INPUT, "too many");
	in = tensor(x), in.dims = other, in.bytes = 48, out = tensor(y);
	WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), ASTRONNX_INPUT, "expected float32");
	in = tensor(x), in.strides = fine;
	OK(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e));
	in = tensor(x), out = tensor(y), out.bytes = 4;
	WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), ASTRONNX_OUTPUT, "4 bytes");
	out = tensor(y), out.dtype = ASTRONNX_INT32;
	WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), ASTRONNX_OUTPUT, "expected float32");
}

static void sphere(void) {
	int64_t pix[] = {0, 1, 47}, got[3 * 8];
	double theta[3], phi[3];
	OK(astronnx_ring2nest(2, 3, pix, got, &e));
	CHECK(got[0] == 3 && got[1] == 7 && got[2] == 44);
	OK(astronnx_nest2ring(2, 3, got, got, &e));
	CHECK(memcmp(got, pix, sizeof pix) == 0);
	OK(astronnx_pix2ang(2, ASTRONNX_NESTED, 3, pix, theta, phi, &e));
	OK(astronnx_ang2pix(2, ASTRONNX_NESTED, 3, theta, phi, got, &e));
	CHECK(memcmp(got, pix, sizeof pix) == 0);
	OK(astronnx_neighbours(2, ASTRONNX_RING, 3, pix, got, &e));
	OK(astronnx_ring2nest(2, 0, NULL, NULL, &e));
	WANT(astronnx_ring2nest(2, 3, NULL, got, &e), ASTRONNX_INPUT, "NULL");
	WANT(astronnx_ring2nest(2, (size_t)-1, pix, got, &e), ASTRONNX_INPUT, "no memory is that large");
	WANT(astronnx_ring2nest(3, 3, pix, got, &e), ASTRONNX_INPUT, "3");
	WANT(astronnx_ring2nest(INT64_MIN, 3, pix, got, &e), ASTRONNX_INPUT, "nside");
	WANT(astronnx_neighbours(2, 9, 3, pix, got, &e), ASTRONNX_INPUT, "order is 9");
	pix[1] = 48;
	WANT(astronnx_nest2ring(2, 3, pix, got, &e), ASTRONNX_INPUT, "pixel 48 at position 1");
	theta[2] = -1;
	WANT(astronnx_ang2pix(2, ASTRONNX_RING, 3, theta, phi, got, &e), ASTRONNX_INPUT, "position 2");
}

static void maps(const char *model) {
	astronnx_map *map;
	const astronnx_map_info *info;
	WANT(astronnx_map_read(NULL, NULL, 0, 0, 0, &map, &info, &e), ASTRONNX_INPUT, "path is NULL");
	WANT(astronnx_map_read("no/such.fits", NULL, 0, 0, 0, &map, &info, &e), ASTRONNX_INPUT, "no/such.fits");
	WANT(astronnx_map_read(model, NULL, 0, 0, 0, &map, &info, &e), ASTRONNX_INVALID, "");
	WANT(astronnx_map_read(model, NULL, 1, 0, 0, &map, &info, &e), ASTRONNX_INPUT, "columns is NULL");
	WANT(astronnx_map_read(model, NULL, 0, 5, 0, &map, &info, &e), ASTRONNX_INPUT, "order is 5");
	WANT(astronnx_map_read(model, NULL, 0, 0, 0, NULL, &info, &e), ASTRONNX_INPUT, "NULL");
	WANT(astronnx_map_close(NULL, &e), ASTRONNX_HANDLE, "NULL");
}

static void forking(void) {
	pid_t child = fork();
	if (child == 0) {
		astronnx_tensor in = tensor(x), out = tensor(y);
		WANT(astronnx_model_run(m, &in, 1, &out, 1, NULL, &e), ASTRONNX_FORKED, "forked");
		WANT(astronnx_model_close(m, &e), ASTRONNX_FORKED, "forked");
		CHECK(strstr(astronnx_version(), "forked"));
		fflush(stdout);
		_exit(failures != 0);
	}
	int status = 1;
	waitpid(child, &status, 0);
	CHECK(status == 0);
}

int main(int argc, char **argv) {
	if (argc < 3) return 2;
	astronnx_options o = {.size = sizeof o, .library = argv[2], .threads = 1};
	opening(argv[1], argv[2]);
	OK(astronnx_model_open(argv[1], &o, &m, &e));
	CHECK(*astronnx_version());
	handles(), description(), running(), sphere(), maps(argv[1]), forking();
	OK(astronnx_model_cancel(m, &e));
	OK(astronnx_model_close(m, &e));
	WANT(astronnx_model_close(m, &e), ASTRONNX_CLOSED, "model was closed");
	WANT(astronnx_model_run(m, NULL, 0, NULL, 0, NULL, &e), ASTRONNX_CLOSED, "model was closed");
	WANT(astronnx_model_cancel(m, &e), ASTRONNX_CLOSED, "model was closed");
	return failures != 0;
}
