/* Uses the library hard: stress cycles MODEL LIBRARY opens, runs and closes 4,000 times and prints by how much memory grew after the
 * first thousand, in the thousand in which it grew least, for a leak grows in each while a new thread does not: in kB what is
 * resident, and in bytes what malloc has given out;
 * stress threads runs one model 1,000 times from each of 16 threads; stress cancel ends a run from another thread. */
#include <astronnx.h>

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { pixels = 48, cycles = 1000, threads = 16 };

static astronnx_model *model;
static const int64_t dims[] = {1, 1, pixels};

static void check(astronnx_status s, const astronnx_error *e) {
	if (!s) return;
	printf("status %d: %s\n", s, e->message);
	exit(1);
}

static void open_model(const char *path, const char *library) {
	astronnx_error e;
	astronnx_options o = {.size = sizeof o, .library = library, .threads = 1};
	if (strcmp(library, "reference") == 0) o.engine = library, o.library = NULL;
	check(astronnx_model_open(path, &o, &model, &e), &e);
}

static void run(float value) {
	astronnx_error e;
	astronnx_results *r;
	float x[pixels], y[pixels];
	for (int i = 0; i < pixels; i++) x[i] = value + (float)i;
	astronnx_tensor in = {.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = dims, .data = x, .bytes = sizeof x};
	astronnx_tensor out = in, made = {0};
	out.data = y;
	check(astronnx_model_run(model, &in, 1, &out, 1, NULL, &e), &e);
	check(astronnx_model_run(model, &in, 1, &made, 1, &r, &e), &e);
	for (int i = 0; i < pixels; i++)
		if (y[i] != 2 * x[i] + 1 || ((float *)made.data)[i] != y[i]) printf("got %f for %f\n", y[i], x[i]), exit(1);
	check(astronnx_results_close(r, &e), &e);
}

static long resident(void) { /* kB */
	long size, pages;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2) exit(1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long allocated(void) { /* bytes */
	struct mallinfo2 m = mallinfo2();
	return (long)(m.uordblks + m.hblkhd);
}

static void *worker(void *first) {
	for (int i = 0; i < cycles; i++) run((float)(i + (int)(intptr_t)first));
	return NULL;
}

static atomic_int ended;

static void *endless(void *arg) {
	astronnx_error e;
	astronnx_tensor *in = arg;
	astronnx_tensor out = {0};
	astronnx_results *r;
	astronnx_status s = astronnx_model_run(model, in, 1, &out, 1, &r, &e);
	if (s != ASTRONNX_CANCELED) printf("got status %d: %s\n", s, s ? e.message : ""), exit(1);
	ended = 1;
	return NULL;
}

int main(int argc, char **argv) {
	astronnx_error e;
	if (argc < 4) return 2;
	if (strcmp(argv[1], "cycles") == 0) {
		long before = 0, given = 0, least = LONG_MAX, fewest = LONG_MAX;
		for (int i = 0; i <= 4 * cycles; i++) {
			if (i % cycles == 0 && i > 0) {
				const long now = resident(), out = allocated();
				if (i > cycles && now - before < least) least = now - before;
				if (i > cycles && out - given < fewest) fewest = out - given;
				before = now, given = out;
			}
			if (i == 4 * cycles) break;
			open_model(argv[2], argv[3]);
			run((float)i);
			check(astronnx_model_close(model, &e), &e);
		}
		printf("%ld %ld\n", least, fewest);
		return 0;
	}
	open_model(argv[2], argv[3]);
	if (strcmp(argv[1], "threads") == 0) {
		pthread_t t[threads];
		for (int i = 0; i < threads; i++) pthread_create(&t[i], NULL, worker, (void *)(intptr_t)(1000 * i));
		for (int i = 0; i < threads; i++) pthread_join(t[i], NULL);
	} else { /* the model repeats until n, which is given as a very large number */
		int64_t n = INT64_MAX;
		astronnx_tensor in = {.dtype = ASTRONNX_INT64, .data = &n, .bytes = sizeof n};
		pthread_t t;
		pthread_create(&t, NULL, endless, &in);
		while (!ended) { /* the run may not have begun yet */
			usleep(10000);
			check(astronnx_model_cancel(model, &e), &e);
		}
		pthread_join(t, NULL);
	}
	check(astronnx_model_close(model, &e), &e);
	return 0;
}
