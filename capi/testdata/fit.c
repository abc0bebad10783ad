/* Trains from C. The network, MODEL, reads x of float32 (N, 1, 192) and gives (N, 2).
 *
 * fit bits MODEL LIBRARY FOLDER trains by a callback, from arrays, and in two sessions, and exports the best network to
 * FOLDER/best.onnx; it prints each loss of the history as the bits of its number. fit misuse MODEL LIBRARY FOLDER does all that is
 * wrong. fit cancel MODEL LIBRARY FOLDER ends a run from another thread. fit cycles MODEL LIBRARY FOLDER opens, runs and closes again
 * and again, and prints the growth of its memory in kB. */
#include <astronnx.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "want.h"

enum { pixels = 192, samples = 40, held = 10 };

static const char *model, *library, *folder;

static float pixel(int64_t i, int p) { return (float)((i * 37 + p * 11 + i * p) % 64 - 32) / 16; }
static float parameter(int64_t i, int k) { return (float)((i * (k + 3)) % 16) / 16; }

static const int64_t dims_x[] = {samples, 1, pixels}, dims_y[] = {samples, 2};
static float all_x[samples * pixels], all_y[samples * 2];
static const int64_t held_x[] = {held, 1, pixels}, held_y[] = {held, 2};

static void fill(const int64_t *index, size_t n, float *x, float *y) {
	for (size_t k = 0; k < n; k++) {
		for (int p = 0; p < pixels; p++) x[k * pixels + (size_t)p] = pixel(index[k], p);
		for (int j = 0; j < 2; j++) y[k * 2 + (size_t)j] = parameter(index[k], j);
	}
}

static atomic_int reading, calls; /* of give */

static int32_t give(void *user, const int64_t *index, size_t n, const astronnx_tensor *batch, size_t n_fields) {
	CHECK(atomic_fetch_add(&reading, 1) == 0); /* one at a time */
	calls++;
	CHECK(user == &calls && n_fields == 2 && n > 0);
	CHECK(strcmp(batch[0].name, "target") == 0 && batch[0].dtype == ASTRONNX_FLOAT32 && batch[0].rank == 2 && batch[0].dims[0] == (int64_t)n);
	CHECK(batch[0].dims[1] == 2 && batch[0].bytes == n * 2 * sizeof(float));
	CHECK(batch[1].rank == 3 && batch[1].dims[0] == (int64_t)n && batch[1].dims[2] == pixels && batch[1].bytes == n * pixels * sizeof(float));
	for (size_t k = 0; k < n; k++) CHECK(index[k] >= 0 && index[k] < samples);
	fill(index, n, batch[1].data, batch[0].data);
	reading--;
	return 0;
}

/* The fields by name, in another order than the network's. */
static const astronnx_tensor named[] = {
	{.name = "target", .dtype = ASTRONNX_FLOAT32, .rank = 2, .dims = dims_y},
	{.name = "x", .dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = dims_x},
};
static const astronnx_data called = {.size = sizeof called, .fields = named, .n_fields = 2, .read = give, .user = &calls};

/* The fields by position. */
static const astronnx_tensor arrays[] = {
	{.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = dims_x, .data = all_x, .bytes = sizeof all_x},
	{.dtype = ASTRONNX_FLOAT32, .rank = 2, .dims = dims_y, .data = all_y, .bytes = sizeof all_y},
};
static const astronnx_data whole = {.size = sizeof whole, .fields = arrays, .n_fields = 2};
static const astronnx_tensor first[] = {
	{.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = held_x, .data = all_x, .bytes = held * pixels * sizeof(float)},
	{.dtype = ASTRONNX_FLOAT32, .rank = 2, .dims = held_y, .data = all_y, .bytes = held * 2 * sizeof(float)},
};
static const astronnx_data validation = {.size = sizeof validation, .fields = first, .n_fields = 2};

static astronnx_fit *opened(void) {
	astronnx_options engine = {.size = sizeof engine, .library = library, .threads = 1};
	astronnx_fit_options o = {.size = sizeof o, .loss = "huber:0.5", .optimizer = "adamw", .rate = 0.01, .decay = 0.1, .engine = &engine};
	astronnx_fit *fit = NULL;
	OK(astronnx_fit_open(model, &o, &fit, &e));
	return fit;
}

static astronnx_fit_run_options usual(void) {
	return (astronnx_fit_run_options){
		.size = sizeof(astronnx_fit_run_options), .epochs = 3, .batch = 8, .validation = &validation, .schedule = "cosine", .seed = 5, .clip_norm = 1,
	};
}

static uint64_t bits(double x) {
	uint64_t b;
	memcpy(&b, &x, sizeof b);
	return b;
}

static void same(const astronnx_report *r, const astronnx_epoch *want, size_t n) {
	CHECK(r && r->n_history == n);
	for (size_t i = 0; r && i < n && i < r->n_history; i++)
		CHECK(bits(r->history[i].loss) == bits(want[i].loss) && bits(r->history[i].validation) == bits(want[i].validation));
}

struct watch {
	int64_t steps, epochs, stop; /* told of; after so many steps the run is to end */
	astronnx_fit *fit;
	int close;
};

static int32_t tell(void *user, const astronnx_progress *p) {
	struct watch *w = user;
	const astronnx_report *r;
	w->steps++;
	if (p->done) w->epochs++;
	CHECK(p->epochs == 3 && p->steps == samples / 8 && p->step < p->steps && p->loss > 0 && p->mean > 0 && p->rate > 0);
	CHECK(!p->done == (p->step + 1 < p->steps));
	if (w->steps == 1 && w->fit) { /* a fit is one's at a time */
		WANT(astronnx_fit_run(w->fit, &whole, NULL, &r, &e), ASTRONNX_INPUT, "in use");
		WANT(astronnx_fit_export(w->fit, "none.onnx", 0, &e), ASTRONNX_INPUT, "in use");
		if (w->close) OK(astronnx_fit_close(w->fit, &e));
	}
	return w->steps == w->stop ? -7 : 0;
}

static void exactly(void) {
	astronnx_fit *fit = opened();
	const astronnx_report *r;
	astronnx_epoch want[3];
	struct watch w = {.fit = fit};
	char path[4096];

	astronnx_fit_run_options o = usual();
	o.progress = tell, o.user = &w;
	OK(astronnx_fit_run(fit, &called, &o, &r, &e));
	CHECK(calls > 0 && w.steps == 15 && w.epochs == 3);
	CHECK(r->n_history == 3 && r->steps == 15 && r->resumed == 0 && !r->callback && !r->stopped && r->seconds > 0 && strstr(r->engine, "onnxruntime"));
	memcpy(want, r->history, sizeof want);
	for (int i = 0; i < 3; i++) printf("%016llx %016llx\n", (unsigned long long)bits(want[i].loss), (unsigned long long)bits(want[i].validation));
	snprintf(path, sizeof path, "%s/best.onnx", folder);
	OK(astronnx_fit_export(fit, path, 0, &e));

	o = usual();
	OK(astronnx_fit_run(fit, &whole, &o, &r, &e)); /* the memory of the first report is gone */
	same(r, want, 3);

	/* In two sessions, the first of which the progress ends. */
	o = usual();
	w = (struct watch){.stop = 7};
	snprintf(path, sizeof path, "%s/run", folder);
	o.checkpoint = path, o.progress = tell, o.user = &w;
	OK(astronnx_fit_run(fit, &called, &o, &r, &e));
	CHECK(r->callback == -7 && r->steps == 7 && r->n_history == 1);
	OK(astronnx_fit_close(fit, &e));
	fit = opened();
	o.progress = NULL;
	OK(astronnx_fit_run(fit, &called, &o, &r, &e));
	CHECK(r->resumed == 7 && r->steps == 15 && !r->callback);
	same(r, want, 3);
	snprintf(path, sizeof path, "%s/last.onnx", folder);
	OK(astronnx_fit_export(fit, path, 1, &e));
	OK(astronnx_fit_close(fit, &e));
}

static int32_t refuse(void *user, const int64_t *index, size_t n, const astronnx_tensor *batch, size_t n_fields) {
	(void)index, (void)n, (void)batch, (void)n_fields;
	++*(int *)user;
	return 42;
}

static void opening(void) {
	astronnx_fit_options o = {.size = sizeof o};
	astronnx_fit *none = (astronnx_fit *)1;
	WANT(astronnx_fit_open(NULL, &o, &none, &e), ASTRONNX_INPUT, "path is NULL");
	CHECK(none == NULL);
	WANT(astronnx_fit_open(model, &o, NULL, &e), ASTRONNX_INPUT, "fit is NULL");
	WANT(astronnx_fit_open("no/such.onnx", &o, &none, &e), ASTRONNX_INPUT, "no/such.onnx");
	WANT(astronnx_fit_open_bytes(NULL, 3, &o, &none, &e), ASTRONNX_INPUT, "data is NULL");
	WANT(astronnx_fit_open_bytes("abc", 3, &o, &none, &e), ASTRONNX_INVALID, "");
	o.size = 8;
	WANT(astronnx_fit_open(model, &o, &none, &e), ASTRONNX_INPUT, "options.size is 8");
	CHECK(strstr(e.hint, "sizeof(astronnx_fit_options)"));
#define OPTION(field, value, text)                                                                                               \
	o = (astronnx_fit_options){.size = sizeof o, .field = value};                                                           \
	WANT(astronnx_fit_open(model, &o, &none, &e), ASTRONNX_INPUT, text)
	OPTION(loss, "l2", "loss l2: expected mse");
	OPTION(loss, "huber:-1", "above 0");
	OPTION(optimizer, "lion", "optimizer lion: expected adam");
	OPTION(rate, -1, "rate is -1");
	OPTION(rate, 1. / 0., "rate is +Inf");
	OPTION(decay, -1, "decay -1");
	OPTION(loss, "gaussian-nll:x", "gaussian-nll");
	astronnx_options engine = {.size = 1};
	OPTION(engine, &engine, "options.size is 1");
	CHECK(none == NULL);
	CHECK(astronnx_fit_open(NULL, NULL, NULL, NULL) == ASTRONNX_INPUT);
}

static void handles(astronnx_fit *fit) {
	const astronnx_fit_info *info;
	WANT(astronnx_fit_info_of(NULL, &info, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_fit_info_of((astronnx_fit *)all_x, &info, &e), ASTRONNX_HANDLE, "no handle");
	WANT(astronnx_fit_info_of(fit, NULL, &e), ASTRONNX_INPUT, "info is NULL");
	WANT(astronnx_fit_run(NULL, &whole, NULL, NULL, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_fit_cancel(NULL, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_fit_export(NULL, "x", 0, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_fit_close(NULL, &e), ASTRONNX_HANDLE, "NULL");
	WANT(astronnx_model_close((astronnx_model *)fit, &e), ASTRONNX_HANDLE, "another kind");
	WANT(astronnx_fit_export(fit, NULL, 0, &e), ASTRONNX_INPUT, "path is NULL");
	WANT(astronnx_fit_export(fit, "x", 0, &e), ASTRONNX_INPUT, "no run");
	OK(astronnx_fit_cancel(fit, &e));

	OK(astronnx_fit_info_of(fit, &info, &e));
	CHECK(info->n_fields == 2 && info->n_inputs == 1 && strcmp(info->fields[0].name, "x") == 0 && strcmp(info->fields[1].name, "target") == 0);
	CHECK(info->fields[0].rank == 3 && info->fields[0].dims[0] == -1 && info->fields[0].dims[2] == pixels);
	CHECK(info->fields[1].dtype == ASTRONNX_FLOAT32 && info->fields[1].rank == 2 && info->fields[1].dims[1] == 2 && info->n_metadata > 0);
}

static void running(astronnx_fit *fit) {
	const astronnx_report *r = (const astronnx_report *)1;
	astronnx_fit_run_options o = usual();
	WANT(astronnx_fit_run(fit, NULL, &o, &r, &e), ASTRONNX_INPUT, "data is NULL");
	CHECK(r == NULL);
#define OPTIONS(field, value, text)                                                                          \
	o = usual(), o.field = value;                                                                        \
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_INPUT, text)
	const char *const none[] = {NULL};
	OPTIONS(size, 1, "options.size is 1");
	OPTIONS(epochs, -1, "epochs");
	OPTIONS(batch, -1, "batch");
	OPTIONS(batch, INT64_MAX, "make no batch");
	OPTIONS(batch, samples + 1, "40 samples make no batch of 41");
	OPTIONS(patience, -1, "patience is -1");
	OPTIONS(every, -1, "every -1");
	OPTIONS(accumulate, -1, "accumulate");
	OPTIONS(accumulate, 100, "make no step");
	OPTIONS(schedule, "fast", "schedule fast: expected constant");
	OPTIONS(clip_norm, -1, "clip_norm is -1");
	OPTIONS(clip_value, 0. / 0., "clip_value NaN");
	OPTIONS(ema, 1, "ema 1");
	OPTIONS(n_freeze, 1, "freeze is NULL");
	o.freeze = none;
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_INPUT, "freeze[0] is NULL");

	astronnx_tensor f[2];
	astronnx_data d;
#define DATA(change, text)                                                                                   \
	o = usual(), memcpy(f, arrays, sizeof f), d = whole, d.fields = f, change;                           \
	WANT(astronnx_fit_run(fit, &d, &o, &r, &e), ASTRONNX_INPUT, text);                                   \
	o.validation = &d;                                                                                   \
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_INPUT, "validation");                       \
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_INPUT, text)
	int64_t short_x[] = {samples, 1, pixels - 1}, few[] = {samples - 1, 2}, flat[] = {samples}, many[] = {INT64_MAX, 2}, strides[] = {1, samples};
	DATA(d.size = 9, "size is 9");
	DATA(d.fields = NULL, "fields is NULL");
	DATA(d.n_fields = 1, "1 fields: expected 2");
	DATA(d.n_fields = (size_t)-1, "expected 2");
	DATA(f[0].name = "z", "no field is called \"z\"");
	DATA(f[0].name = f[1].name = "x", "\"x\" is given twice");
	DATA(f[0].dtype = 99, "element type 99");
	DATA(f[0].dtype = ASTRONNX_STRING, "expected numbers");
	DATA(f[0].data = NULL, "data is NULL");
	DATA(f[0].bytes--, "bytes were given");
	DATA(f[1].rank = 0, "rank is 0");
	DATA(f[1].rank = 1 << 30, "rank is");
	DATA(f[1].dims = NULL, "dims is NULL");
	DATA(f[1].strides = strides, "row-major");
	DATA((f[1].dims = few, f[1].bytes -= 8), "has 39 samples");
	DATA((f[1].dims = many), "too many");
	DATA((f[0].dims = short_x, f[0].bytes -= 4 * samples), "expected samples of shape [1 192], got [1 191]");
	DATA((f[1].dims = flat, f[1].rank = 1, f[1].bytes /= 2), "expected samples of shape [2]");
	DATA((f[1].dtype = ASTRONNX_COMPLEX64, f[1].dims = flat, f[1].rank = 1), "");
	DATA(d.read = give, "there is a callback");
	DATA((d.read = give, f[0].data = f[1].data = NULL, f[1].dims = many), "samples");
	DATA((d.read = give, f[0].data = f[1].data = NULL, f[1].dims = few), "has 39 samples");
	DATA((d.read = give, f[0].data = f[1].data = NULL, f[0].dims = short_x), "expected samples of shape");

	all_y[3] = 0.f / 0.f; /* targets in memory are looked at */
	o = usual(), o.validation = NULL;
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_INPUT, "want finite numbers");
	CHECK(r == NULL);
	WANT(astronnx_fit_export(fit, "x", 0, &e), ASTRONNX_INPUT, "no run");
	all_y[3] = parameter(1, 1);

	/* A callback's own code comes back, and it is asked no more. */
	int asked = 0;
	d = called, d.read = refuse, d.user = &asked, o = usual();
	WANT(astronnx_fit_run(fit, &d, &o, &r, &e), ASTRONNX_CALLBACK, "returned 42");
	CHECK(r && r->callback == 42 && r->steps == 0 && r->n_history == 0 && r->best_epoch == -1 && asked == 1);
	WANT(astronnx_fit_export(fit, "none.onnx", 0, &e), ASTRONNX_INPUT, "no epoch has ended");
	WANT(astronnx_fit_export(fit, "no/such/folder/x.onnx", 1, &e), ASTRONNX_OUTPUT, "no/such/folder");
	o.validation = &d, asked = 0;
	WANT(astronnx_fit_run(fit, &called, &o, &r, &e), ASTRONNX_CALLBACK, "returned 42");
	CHECK(r && r->callback == 42 && r->steps == 5 && r->n_history == 0 && asked == 1);
	OK(astronnx_fit_run(fit, &whole, NULL, NULL, NULL)); /* as if nothing had been */

	/* A run that is closed ends, and is the last. */
	struct watch w = {.fit = fit, .close = 1};
	o = usual(), o.progress = tell, o.user = &w;
	OK(astronnx_fit_run(fit, &called, &o, &r, &e));
	CHECK(r == NULL && w.steps == 15);
	WANT(astronnx_fit_run(fit, &whole, &o, &r, &e), ASTRONNX_CLOSED, "fit was closed");
	WANT(astronnx_fit_cancel(fit, &e), ASTRONNX_CLOSED, "fit was closed");
	WANT(astronnx_fit_close(fit, &e), ASTRONNX_CLOSED, "fit was closed");
}

static atomic_int ended;

static void *endless(void *fit) {
	const astronnx_report *r;
	astronnx_error mine;
	astronnx_fit_run_options o = usual();
	char path[4096];
	snprintf(path, sizeof path, "%s/run", folder);
	o.epochs = 1 << 30, o.schedule = NULL, o.checkpoint = path;
	astronnx_status s = astronnx_fit_run(fit, &called, &o, &r, &mine);
	CHECK(s == ASTRONNX_CANCELED && r && r->steps > 0 && r->callback == 0);
	ended = 1;
	return NULL;
}

static void cancelling(void) {
	astronnx_fit *fit = opened();
	for (int i = 0; i < 2; i++) { /* and the second goes on where the first was cut */
		pthread_t t;
		ended = 0;
		int before = calls;
		pthread_create(&t, NULL, endless, fit);
		while (calls < before + 20) usleep(1000);
		OK(astronnx_fit_cancel(fit, &e));
		pthread_join(t, NULL);
		CHECK(ended);
	}
	OK(astronnx_fit_close(fit, &e));
}

static long resident(void) { /* kB */
	long size, pages;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2) exit(1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void cycles(void) {
	long before = 0;
	for (int i = 0; i < 2 * 100; i++) {
		if (i == 100) before = resident();
		astronnx_fit *fit = opened();
		astronnx_fit_run_options o = {.size = sizeof o};
		OK(astronnx_fit_run(fit, &called, &o, NULL, &e));
		OK(astronnx_fit_close(fit, &e));
	}
	printf("%ld\n", resident() - before);
}

int main(int argc, char **argv) {
	if (argc < 5) return 2;
	model = argv[2], library = argv[3], folder = argv[4];
	for (int64_t i = 0; i < samples; i++) fill(&i, 1, all_x + i * pixels, all_y + i * 2);
	if (strcmp(argv[1], "bits") == 0) exactly();
	if (strcmp(argv[1], "cancel") == 0) cancelling();
	if (strcmp(argv[1], "cycles") == 0) cycles();
	if (strcmp(argv[1], "misuse") == 0) {
		opening();
		astronnx_fit *fit = opened();
		handles(fit), running(fit);
	}
	return failures != 0;
}
