/* Trains a network: fit MODEL OUT [LIBRARY]. MODEL reads a RING map of nside 4 and gives one number. It learns the amplitude of a
 * dipole in noise, from maps that are made when they are asked for; the network of the best epoch is written to OUT, and measures a
 * map that it has not seen. */
#include <astronnx.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { nside = 4, pixels = 12 * nside * nside, samples = 512, held = 128 };

static double theta[pixels], phi[pixels];

static void check(astronnx_status s, const astronnx_error *e) {
	if (s == ASTRONNX_OK) return;
	fprintf(stderr, "fit: %s\n", e->message);
	exit(1);
}

/* From 0 to 1, at random but the same for the same numbers (splitmix64). */
static double uniform(int64_t sample, int64_t k) {
	uint64_t z = (uint64_t)sample * 1000003 + (uint64_t)k * 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static float simulate(int64_t sample, float *map) {
	double amplitude = 2 * uniform(sample, -1) - 1;
	for (int p = 0; p < pixels; p++) map[p] = (float)(amplitude * cos(theta[p]) + 0.2 * (uniform(sample, p) - 0.5));
	return (float)amplitude;
}

/* Fills a batch with the samples that are asked for: those from first on. */
static int32_t give(void *first, const int64_t *index, size_t n, const astronnx_tensor *batch, size_t n_fields) {
	if (n_fields != 2) return 1;
	float *maps = batch[0].data, *amplitudes = batch[1].data;
	for (size_t k = 0; k < n; k++) amplitudes[k] = simulate(*(int64_t *)first + index[k], maps + k * pixels);
	return 0;
}

static int32_t tell(void *user, const astronnx_progress *p) {
	(void)user;
	if (p->done) printf("epoch %lld: loss %.4f, validation %.4f\n", (long long)p->epoch + 1, p->done->loss, p->done->validation);
	return 0; /* anything else would end the run */
}

int main(int argc, char **argv) {
	astronnx_error e;
	if (argc < 3) return fprintf(stderr, "usage: %s MODEL OUT [LIBRARY]\n", argv[0]), 2;
	int64_t all[pixels];
	for (int p = 0; p < pixels; p++) all[p] = p;
	check(astronnx_pix2ang(nside, ASTRONNX_RING, pixels, all, theta, phi, &e), &e);

	astronnx_options engine = {.size = sizeof engine, .library = argc > 3 ? argv[3] : NULL};
	astronnx_fit_options options = {.size = sizeof options, .loss = "mse", .optimizer = "adam", .rate = 0.01, .engine = &engine};
	astronnx_fit *fit;
	check(astronnx_fit_open(argv[1], &options, &fit, &e), &e);

	int64_t of_maps[] = {samples, 1, pixels}, of_amplitudes[] = {samples, 1}, from = 0;
	astronnx_tensor fields[] = {
		{.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = of_maps},
		{.dtype = ASTRONNX_FLOAT32, .rank = 2, .dims = of_amplitudes},
	};
	astronnx_data data = {.size = sizeof data, .fields = fields, .n_fields = 2, .read = give, .user = &from};

	int64_t of_held_maps[] = {held, 1, pixels}, of_held_amplitudes[] = {held, 1}, after = samples;
	astronnx_tensor held_fields[] = {fields[0], fields[1]};
	held_fields[0].dims = of_held_maps, held_fields[1].dims = of_held_amplitudes;
	astronnx_data validation = {.size = sizeof validation, .fields = held_fields, .n_fields = 2, .read = give, .user = &after};

	astronnx_fit_run_options how = {
		.size = sizeof how, .epochs = 8, .batch = 16, .validation = &validation, .schedule = "cosine", .seed = 1, .progress = tell,
	};
	const astronnx_report *report;
	astronnx_status s = astronnx_fit_run(fit, &data, &how, &report, &e);
	if (s == ASTRONNX_CALLBACK) return fprintf(stderr, "give returned %d\n", report->callback), 1;
	check(s, &e);
	check(astronnx_fit_export(fit, argv[2], 0, &e), &e);
	printf("%s: epoch %lld of %zu, loss %.4f\n", argv[2], (long long)report->best_epoch + 1, report->n_history, report->best_loss);
	check(astronnx_fit_close(fit, &e), &e);

	static float map[pixels];
	float want = simulate(samples + held, map), got;
	astronnx_tensor in = {.dtype = ASTRONNX_FLOAT32, .rank = 3, .dims = (int64_t[]){1, 1, pixels}, .data = map, .bytes = sizeof map};
	astronnx_tensor out = {.dtype = ASTRONNX_FLOAT32, .rank = 2, .dims = (int64_t[]){1, 1}, .data = &got, .bytes = sizeof got};
	astronnx_model *model;
	check(astronnx_model_open(argv[2], &engine, &model, &e), &e);
	check(astronnx_model_run(model, &in, 1, &out, 1, NULL, &e), &e);
	check(astronnx_model_close(model, &e), &e);
	printf("a dipole of %.3f is measured as %.3f\n", want, got);
	return 0;
}
