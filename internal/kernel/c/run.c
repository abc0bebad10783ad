//go:build cgo && !purego

#include "internal.h"

#include <stdatomic.h>
#include <string.h>

typedef struct {
	const astronnx_conv_geom *g;
	const astronnx_conv_weights *w;
	const astronnx_conv_args *a;
	const path *path;
	size_t scratch;
	int64_t tiles, chunk; // tiles of all maps; tiles of an item
	int64_t panel_blocks; // blocks of output channels whose weights stay in cache together
	int64_t per;          // outputs that make a pixel of y
	bool end;             // whether there is an ending
	bool stream;
	atomic_int status;
} job;

const path *conv_path(int which) {
#if defined(__x86_64__)
	bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (avx512 && (which == ASTRONNX_CONV_AUTO || which == ASTRONNX_CONV_AVX512)) return &conv_avx512;
	if (avx2 && (which == ASTRONNX_CONV_AUTO || which == ASTRONNX_CONV_AVX2)) return &conv_avx2;
#endif
	return which == ASTRONNX_CONV_AUTO || which == ASTRONNX_CONV_PORTABLE ? &conv_portable : NULL;
}

// Sums of a whole tile are kept only where the input channels come in several blocks.
static int64_t sum_rows(const astronnx_conv_geom *g, const astronnx_conv_weights *w) {
	int64_t pixels = g->pattern_groups * GROUP;
	return w->ci > w->ci_block ? pixels : min64(BATCH, pixels);
}

// Layout: sums, then rows, then a group's turned rows.
size_t conv_scratch_bytes(const astronnx_conv_geom *g, const astronnx_conv_weights *w) {
	size_t sums, rows;
	if (__builtin_mul_overflow((size_t)sum_rows(g, w) * sizeof(float), (size_t)w->co_padded, &sums)) return SIZE_MAX;
	// 16 floats more than the rows: vector code may write, never keep, that much past the last.
	rows = ((size_t)g->max_rows * (size_t)w->ci_block + 16) * sizeof(float);
	if (g->spins > 0) rows += (size_t)(GROUP_ENTRIES * w->ci_block) * sizeof(float);
	return sums > SIZE_MAX - rows ? SIZE_MAX : sums + rows;
}

static inline float read(const float *x, int64_t i, const uint8_t *mask) { return mask == NULL || mask[i] ? x[i] : 0; }

void conv_load_rows(const astronnx_conv_geom *g, const path *path, const tile *t, float *rows, const float *x, int channels,
                    const uint8_t *mask, bool fill_valid_mean) {
	const int64_t plane = g->p_in;
	memset(rows, 0, (size_t)channels * sizeof(float));
	rows += channels;
	for (const span *s = g->spans + t->span, *end = g->spans + t[1].span; s < end; rows += s->rows * channels, s++)
		path->load(rows, x + s->start, plane, channels, s->rows, mask ? mask + s->start : NULL);
	for (int64_t i = t->single; i < t[1].single; i++, rows += channels) {
		int64_t v = g->singles[i];
		if (mask != NULL && !mask[v])
			memset(rows, 0, (size_t)channels * sizeof(float));
		else
			for (int c = 0; c < channels; c++) rows[c] = x[c * plane + v];
	}
	for (const pair *p = g->pairs + t->pair, *end = g->pairs + t[1].pair; p < end; p++, rows += channels) {
		bool one = mask != NULL && fill_valid_mean && !(mask[p->a] && mask[p->b]);
		float half = one ? 1 : 0.5f;
		for (int c = 0; c < channels; c++)
			rows[c] = half * read(x + c * plane, p->a, mask) + half * read(x + c * plane, p->b, mask);
	}
}

typedef float two __attribute__((vector_size(8)));

void conv_turn(const astronnx_conv_geom *g, const tile *t, int64_t i, float *held, int64_t first, const float *rows, uint32_t *off,
               int channels) {
	const int64_t group = (t - g->tiles) * g->pattern_groups + i / GROUP;
	const float *turn = g->turns + group * GROUP_ENTRIES * 2;
	const int turned = 2 * (int)g->spins;
	for (int e = 0; e < GROUP_ENTRIES; e++, turn += 2, held += channels) {
		const float *from = (const float *)((const char *)rows + off[e]);
		const two s = {-turn[1], turn[1]};
		for (int j = 0; j < turned; j += 2) {
			two x;
			memcpy(&x, from + j, sizeof x);
			x = turn[0] * x + s * __builtin_shufflevector(x, x, 1, 0);
			memcpy(held + j, &x, sizeof x);
		}
		for (int j = turned; j < channels; j++) held[j] = from[j];
		off[e] = (uint32_t)((size_t)(first + e) * (size_t)channels * sizeof(float));
	}
}

// A run of consecutive input pixels in some planes, to be read soon.
typedef struct {
	const float *x;
	int64_t pixels; // 0: none
	int channels;
} upcoming;

// The first span, most of what is read, of the channels from c on of tile t; past the last channel, of the map's next tile.
static upcoming comes_next(const job *j, const tile *t, const float *x, int64_t c) {
	const astronnx_conv_geom *g = j->g;
	if (c >= j->w->ci) {
		if (++t == g->tiles + g->n_tiles) return (upcoming){0};
		c = 0;
	}
	if (t->span == t[1].span) return (upcoming){0};
	const span *s = g->spans + t->span;
	return (upcoming){x + c * g->p_in + s->start, s->rows, (int)min64(j->w->ci_block, j->w->ci - c)};
}

// Asks for one group's share of u into the second-level cache: the processor does not foresee so many planes, each far apart.
static inline void prefetch(const upcoming *u, int64_t plane, int64_t i) {
	if (i >= u->pixels) return;
	for (int c = 0; c < u->channels; c++) __builtin_prefetch(u->x + c * plane + i, 0, 2);
}

// Finishes n outputs, channels o0 to o1 of o, and writes them to y.
static void write_batch(const job *j, float *y, int64_t n, float *o, int64_t o0, int64_t o1, const float *scale) {
	const astronnx_conv_weights *w = j->w;
	const int64_t plane = j->g->p_out / j->per;
	const float *bias = w->bias + o0;
	if (j->end) {
		j->path->end(o + o0, n, w->co_padded, o1 - o0, bias, scale, &j->a->ending);
		bias += w->co_padded, scale = NULL; // both are in o
	}
	j->path->finish(y + o0 * plane, plane, n / j->per, o + o0, w->co_padded, (int)(min64(o1, w->co) - o0), bias, scale, j->stream);
}

static void run_tile(const job *j, int64_t map, const tile *t, float *sums) {
	const astronnx_conv_geom *g = j->g;
	const astronnx_conv_weights *w = j->w;
	const astronnx_conv_args *a = j->a;
	const int64_t n = t[1].first - t->first, ldo = w->co_padded;
	float *rows = sums + sum_rows(g, w) * ldo, *held = rows + g->max_rows * w->ci_block + 16;
	const float *x = a->x + map * w->ci * g->p_in;
	float *y = a->y + (map * w->co * g->p_out + t->first) / j->per;
	const uint8_t *mask = a->mask ? a->mask + (a->mask_per_map ? map * g->p_in : 0) : NULL;
	const float *scale = a->scale ? a->scale + (a->scale_per_map ? map * g->p_out : 0) + t->first : NULL;
	const uint16_t *pattern = g->patterns + t->pattern * g->pattern_groups * GROUP_ENTRIES;
	const bool whole = w->ci > w->ci_block;

	for (int64_t c = 0; c < w->ci; c += w->ci_block) {
		const int channels = (int)min64(w->ci_block, w->ci - c);
		const bool last = c + channels == w->ci;
		conv_load_rows(g, j->path, t, rows, x + c * g->p_in, channels, mask, a->fill_valid_mean);
		const upcoming next = comes_next(j, t, x, c + channels);
		for (int64_t o0 = 0; o0 < ldo; o0 += j->panel_blocks * BLOCK) {
			const int64_t o1 = min64(o0 + j->panel_blocks * BLOCK, ldo);
			for (int64_t q = 0; q < n; q += BATCH) {
				const int64_t end = min64(q + BATCH, n);
				float *o = whole ? sums + q * ldo : sums;
				for (int64_t i = q; i < end; i += GROUP) {
					if (o0 == 0) prefetch(&next, g->p_in, i);
					uint32_t off[GROUP_ENTRIES] __attribute__((aligned(64)));
					j->path->offsets(off, pattern + i * TAPS, (uint32_t)channels * sizeof(float));
					const float *from = rows;
					if (g->spins > 0 && c == 0) conv_turn(g, t, i, held, 0, rows, off, channels), from = held;
					for (int64_t b = o0; b < o1; b += BLOCK)
						j->path->gemm(o + (i - q) * ldo + b, ldo, from, off, channels, w->packed + (c * ldo + b * channels) * TAPS,
						              (int)min64(BLOCK, ldo - b), c > 0);
				}
				if (last) write_batch(j, y + q / j->per, end - q, o, o0, o1, scale ? scale + q : NULL);
			}
		}
	}
}

static void run_item(void *usr, size_t i) {
	job *j = usr;
	float *memory = conv_scratch(j->scratch);
	if (memory == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	int64_t first = (int64_t)i * j->chunk, last = min64(first + j->chunk, j->tiles);
	for (int64_t t = first; t < last; t++) run_tile(j, t / j->g->n_tiles, &j->g->tiles[t % j->g->n_tiles], memory);
	if (j->stream) j->path->fence();
}

// Items of at least 50 us at 100 flop/ns, and about eight a thread where there is work for more.
static int64_t item_tiles(const job *j) {
	double tile_flops = 2.0 * TAPS * (double)j->w->ci * (double)j->w->co * (double)j->g->tile_pixels;
	double least = 5e6 / tile_flops;
	int64_t chunk = least < 1 ? 1 : least > 1e9 ? 1000000000 : (int64_t)least + 1;
	if (j->a->threads > 0) {
		int64_t share = j->tiles / ((int64_t)j->a->threads * 8);
		if (share > chunk) chunk = share;
	}
	return chunk;
}

// Weights of up to this many bytes are used together for a group; more would push the rows out of the second-level cache.
enum { PANEL_BYTES = 192 << 10 };

// Outputs of more bytes leave the last-level cache before the next layer reads them: a core's share of it is seldom larger, though
// the system may report that of the whole socket.
enum { STREAM_BYTES = 32 << 20 };

int conv_run(const astronnx_conv_geom *g, const astronnx_conv_weights *w, const astronnx_conv_args *a) {
	if (g == NULL || w == NULL || a == NULL) return ASTRONNX_CONV_BAD_ARGUMENT;
	int64_t in, out, maps;
	if (a->n < 0 || __builtin_mul_overflow(a->n, w->ci * 4, &maps) || __builtin_mul_overflow(maps, g->p_in, &in) ||
	    __builtin_mul_overflow(a->n, w->co * 4, &maps) || __builtin_mul_overflow(maps, g->p_out, &out))
		return ASTRONNX_CONV_BAD_SIZE;
	const path *p = conv_path(a->path);
	if (p == NULL)
		return a->path < ASTRONNX_CONV_AUTO || a->path > ASTRONNX_CONV_AVX512 ? ASTRONNX_CONV_BAD_ARGUMENT : ASTRONNX_CONV_NO_PATH;
	const int pool = a->ending.pool;
	if (pool < ASTRONNX_CONV_NO_POOL || pool > ASTRONNX_CONV_MAX4) return ASTRONNX_CONV_BAD_ARGUMENT;
	if (pool && (g->p_out % 4 || g->tile_pixels % 4)) return ASTRONNX_CONV_BAD_SIZE;
	if (out == 0) return ASTRONNX_CONV_OK;
	if (a->y == NULL || (a->x == NULL && in > 0)) return ASTRONNX_CONV_BAD_ARGUMENT;

	job j = {.g = g, .w = w, .a = a, .path = p, .scratch = conv_scratch_bytes(g, w), .tiles = a->n * g->n_tiles,
	         .per = pool ? 4 : 1, .end = pool || a->ending.relu};
	if (j.scratch == SIZE_MAX || w->ci < 2 * g->spins) return ASTRONNX_CONV_BAD_SIZE;
	atomic_init(&j.status, ASTRONNX_CONV_OK);
	j.chunk = item_tiles(&j);
	j.panel_blocks = PANEL_BYTES / (w->ci_block * TAPS * BLOCK * (int64_t)sizeof(float));
	if (j.panel_blocks < 1) j.panel_blocks = 1;
	// A streamed store writes a whole aligned line past the cache.
	j.stream = out / j.per > STREAM_BYTES && (uintptr_t)a->y % 64 == 0 && g->p_out % (GROUP * j.per) == 0 &&
	           g->tile_pixels % (GROUP * j.per) == 0;
	size_t items = (size_t)ceil_div(j.tiles, j.chunk);
	if (a->parallel_for != NULL && items > 1)
		a->parallel_for(a->ctx, run_item, items, &j);
	else
		for (size_t i = 0; i < items; i++) run_item(&j, i);
	return atomic_load(&j.status);
}
