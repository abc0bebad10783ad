/* Takes a HEALPix map through a network: bands MODEL MAP [LIBRARY]. The map's first column goes in, as RING float32, and each output
 * is summed up in a line. */
#include <astronnx.h>

#include <stdio.h>
#include <stdlib.h>

static void check(astronnx_status s, const astronnx_error *e) {
	if (s == ASTRONNX_OK) return;
	fprintf(stderr, "bands: %s\n", e->message);
	exit(1);
}

int main(int argc, char **argv) {
	astronnx_error e;
	if (argc < 3) return fprintf(stderr, "usage: %s MODEL MAP [LIBRARY]\n", argv[0]), 2;

	astronnx_options options = {.size = sizeof options, .library = argc > 3 ? argv[3] : NULL};
	astronnx_model *model;
	const astronnx_model_info *info;
	check(astronnx_model_open(argv[1], &options, &model, &e), &e);
	check(astronnx_model_info_of(model, &info, &e), &e);

	astronnx_map *map;
	const astronnx_map_info *sky;
	check(astronnx_map_read(argv[2], NULL, 0, ASTRONNX_RING, 0, &map, &sky, &e), &e);
	printf("%s: nside %lld, %s in %s\n", argv[2], (long long)sky->nside, sky->columns[0].name, sky->columns[0].unit);

	int64_t dims[] = {1, 1, sky->n_pixels};
	astronnx_tensor in = {
		.dtype = sky->columns[0].dtype, .rank = 3, .dims = dims, .data = (void *)sky->columns[0].data,
		.bytes = (size_t)sky->n_pixels * (sky->columns[0].dtype == ASTRONNX_FLOAT32 ? 4 : 8),
	};
	astronnx_tensor *out = calloc(info->n_outputs, sizeof *out); /* no data: the library allocates */
	astronnx_results *results;
	check(astronnx_model_run(model, &in, 1, out, info->n_outputs, &results, &e), &e);
	for (size_t i = 0; i < info->n_outputs; i++) {
		const float *y = out[i].data;
		double sum = 0;
		for (size_t k = 0; k < out[i].bytes / sizeof *y; k++) sum += y[k];
		printf("%s: rank %d, %zu bytes, mean %.6e\n", info->outputs[i].name, out[i].rank, out[i].bytes,
		       sum / (double)(out[i].bytes / sizeof *y));
	}

	check(astronnx_results_close(results, &e), &e);
	check(astronnx_map_close(map, &e), &e);
	check(astronnx_model_close(model, &e), &e);
	free(out);
	return 0;
}
