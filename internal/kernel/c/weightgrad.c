//go:build cgo && !purego

#include "internal.h"

#include <stdatomic.h>
#include <string.h>

#define KERNEL "weightgrad_kernel.h"
#include "each_path.h"

enum {
	PARTS = 16,      // the work is cut into as many parts at most, each with sums of its own
	SLACK = 64,      // floats that may be read behind the last row, for channels that do not fill vectors
	CHANNELS = 96,   // input channels whose rows are held at once
};

typedef void (*sums_fn)(float *, int64_t, const float *, int, const uint32_t *, const float *, int64_t, int64_t);

typedef struct {
	const astronnx_conv_geom *g;
	const astronnx_conv_weight_grad *a;
	const path *path;
	sums_fn sum;
	int64_t ldo;          // output channels, to whole vectors
	int64_t ci_block;
	int64_t held;         // floats of a batch's turned rows
	int64_t tiles, parts; // tiles of all maps
	float *sums;          // [parts][TAPS * ci * ldo], by block of input channels: [TAPS][channels][ldo]
	atomic_int status;
} job;

static int64_t part_size(const job *j) { return TAPS * j->a->ci * j->ldo; }

static void add_tile(const job *j, int64_t map, const tile *t, float *sums, float *held, float *rows, float *z) {
	const astronnx_conv_geom *g = j->g;
	const astronnx_conv_weight_grad *a = j->a;
	const int64_t n = t[1].first - t->first, whole = ceil_div(n, GROUP) * GROUP;
	const uint16_t *pattern = g->patterns + t->pattern * g->pattern_groups * GROUP_ENTRIES;
	j->path->load(z, a->dy + map * a->co * g->p_out + t->first, g->p_out, (int)a->co, n, NULL);
	memset(z + n * a->co, 0, (size_t)((whole - n) * a->co + SLACK) * sizeof *z);
	for (int64_t c = 0; c < a->ci; c += j->ci_block) {
		const int channels = (int)min64(j->ci_block, a->ci - c);
		conv_load_rows(g, j->path, t, rows, a->x + (map * a->ci + c) * g->p_in, channels, NULL, false);
		for (int64_t q = 0; q < whole; q += BATCH) {
			uint32_t off[BATCH * TAPS] __attribute__((aligned(64)));
			const int64_t end = min64(q + BATCH, whole);
			const float *from = rows;
			for (int64_t i = q; i < end; i += GROUP) {
				uint32_t *to = off + (i - q) * TAPS;
				j->path->offsets(to, pattern + i * TAPS, (uint32_t)channels * sizeof(float));
				if (g->spins == 0 || c > 0) continue;
				conv_turn(g, t, i, held + (i - q) * TAPS * channels, (i - q) * TAPS, rows, to, channels);
				from = held;
			}
			j->sum(sums + c * TAPS * j->ldo, j->ldo, from, channels, off, z + q * a->co, a->co, (end - q) / HALF);
		}
	}
}

static void run_part(void *usr, size_t i) {
	job *j = usr;
	const int64_t rows = j->g->max_rows * j->ci_block + SLACK;
	const int64_t z = j->g->pattern_groups * GROUP * j->a->co + SLACK;
	float *memory = conv_scratch((size_t)(j->held + ceil_div(rows, 16) * 16 + z) * sizeof *memory);
	if (memory == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	float *sums = j->sums + (int64_t)i * part_size(j);
	memset(sums, 0, (size_t)part_size(j) * sizeof *sums);
	const int64_t first = (int64_t)i * j->tiles / j->parts, last = ((int64_t)i + 1) * j->tiles / j->parts;
	for (int64_t t = first; t < last; t++)
		add_tile(j, t / j->g->n_tiles, &j->g->tiles[t % j->g->n_tiles], sums, memory, memory + j->held,
		         memory + j->held + ceil_div(rows, 16) * 16);
}

// Adds the parts in their order and puts the sums where W has them.
static void gather(const job *j) {
	const astronnx_conv_weight_grad *a = j->a;
	const int64_t size = part_size(j);
	for (int64_t p = 1; p < j->parts; p++)
		for (int64_t i = 0; i < size; i++) j->sums[i] += j->sums[p * size + i];
	for (int64_t c0 = 0; c0 < a->ci; c0 += j->ci_block) {
		const int64_t channels = min64(j->ci_block, a->ci - c0);
		for (int64_t o = 0; o < a->co; o++)
			for (int64_t c = 0; c < channels; c++)
				for (int k = 0; k < TAPS; k++)
					a->dw[(o * a->ci + c0 + c) * TAPS + k] = j->sums[(c0 * TAPS + k * channels + c) * j->ldo + o];
	}
}

int conv_weight_grad(const astronnx_conv_geom *g, const astronnx_conv_weight_grad *a) {
	if (g == NULL || a == NULL || a->dw == NULL) return ASTRONNX_CONV_BAD_ARGUMENT;
	if (a->co < 1 || a->ci < 1 || a->n < 0 || a->co > INT32_MAX || a->ci > INT32_MAX) return ASTRONNX_CONV_BAD_SIZE;
	job j = {.g = g, .a = a, .path = conv_path(a->path), .sum = weight_sums_portable};
	if (j.path == NULL) return ASTRONNX_CONV_NO_PATH;
	int64_t width = 8;
#if defined(__x86_64__)
	if (j.path == &conv_avx512) j.sum = weight_sums_avx512, width = 32;
	if (j.path == &conv_avx2) j.sum = weight_sums_avx2, width = 16;
#endif
	j.ldo = ceil_div(a->co, width) * width;
	j.ci_block = ceil_div(a->ci, ceil_div(a->ci, CHANNELS));
	if (a->ci < 2 * g->spins) return ASTRONNX_CONV_BAD_SIZE;
	if (g->spins > 0) j.held = ceil_div(BATCH * TAPS * j.ci_block + SLACK, 16) * 16;
	j.tiles = a->n * g->n_tiles;
	j.parts = j.tiles < 1 ? 1 : min64(j.tiles, PARTS);
	int64_t size;
	if (__builtin_mul_overflow(j.parts * TAPS * j.ldo, a->ci, &size)) return ASTRONNX_CONV_BAD_SIZE;
	if (j.tiles > 0 && (a->x == NULL || a->dy == NULL)) return ASTRONNX_CONV_BAD_ARGUMENT;
	j.sums = conv_alloc(size, sizeof *j.sums);
	if (j.sums == NULL) return ASTRONNX_CONV_NO_MEMORY;
	atomic_init(&j.status, ASTRONNX_CONV_OK);
	if (a->parallel_for != NULL && j.parts > 1)
		a->parallel_for(a->ctx, run_part, (size_t)j.parts, &j);
	else
		for (int64_t i = 0; i < j.parts; i++) run_part(&j, (size_t)i);
	gather(&j);
	conv_free(j.sums);
	return atomic_load(&j.status);
}
