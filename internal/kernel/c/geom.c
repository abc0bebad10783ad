//go:build cgo && !purego

#include "internal.h"

#include <string.h>

enum {
	TILE = 2048,     // two blocks of 32 x 32 NESTED pixels: a halo of a tenth, rows that fit the second-level cache
	MIN_TILE = 512,  // where there are few pixels
	MIN_SPAN = 8,    // shorter runs of inputs are read one by one
};

// A list that grows; items are appended after `reserve`.
#define LIST(type) \
	struct { \
		type *at; \
		int64_t n, room; \
	}

static bool reserve_bytes(void **at, int64_t *room, int64_t need, size_t size) {
	if (need <= *room) return true;
	int64_t grown = need > 1024 ? need + need / 2 : 1024;
	size_t bytes;
	if (__builtin_mul_overflow((size_t)grown, size, &bytes)) return false;
	void *p = realloc(*at, bytes);
	if (p == NULL) return false;
	*at = p;
	*room = grown;
	return true;
}

#define RESERVE(list, more) reserve_bytes((void **)&(list).at, &(list).room, (list).n + (more), sizeof *(list).at)

typedef struct {
	const astronnx_conv_table *t;
	astronnx_conv_geom *g;
	LIST(span) spans;
	LIST(int64_t) singles;
	LIST(pair) pairs;
	LIST(uint16_t) patterns;
	int32_t *row;          // [p_in] row of an input in the present tile, 0 if it has none
	int64_t *reads;        // [TAPS * tile] the distinct inputs of the present tile
	uint16_t *pattern;     // the present tile's pattern
	uint16_t others[TAPS][MAX_TILE]; // by tap, the present tile's outputs whose rows take a look-up
	int64_t n_others[TAPS];
	int64_t *slots;        // pattern number + 1 by hash
	uint64_t *hashes;      // of the patterns
	int64_t n_slots;       // a power of two
	astronnx_conv_fill *fills; // sorted by pixel
	uint64_t *filled;      // bit set over outputs; NULL without fills
} builder;

// Functions of this kind are made once for each size of index.
#define TEMPLATE static inline __attribute__((always_inline))

// The input that output p reads at tap k, or -1.
TEMPLATE int64_t entry(const astronnx_conv_table *t, int64_t p, int k, const int bytes) {
	int64_t at = p * TAPS + k;
	int64_t v = bytes == 4 ? ((const int32_t *)t->index)[at] : ((const int64_t *)t->index)[at];
	return (uint64_t)v < (uint64_t)t->p_in ? v : -1;
}

static int by_pixel(const void *a, const void *b) {
	const astronnx_conv_fill *p = a, *q = b;
	if (p->pixel != q->pixel) return p->pixel < q->pixel ? -1 : 1;
	return (p->tap > q->tap) - (p->tap < q->tap);
}

static inline bool has_fill(const builder *b, int64_t p) { return b->filled != NULL && (b->filled[p >> 6] >> (p & 63) & 1); }

static inline const astronnx_conv_fill *find_fill(const builder *b, int64_t p, int k) {
	if (!has_fill(b, p)) return NULL;
	astronnx_conv_fill key = {.pixel = p, .tap = k};
	return bsearch(&key, b->fills, (size_t)b->t->n_fills, sizeof key, by_pixel);
}

static inline uint16_t *pattern_at(const builder *b, int64_t i, int k) {
	return b->pattern + i / HALF * HALF * TAPS + k * HALF + i % HALF;
}

// The run of inputs that begins with the tile's first centre: most of what is read, and known without a look-up.
TEMPLATE span own_run(const builder *b, int64_t first, int64_t last, const int bytes) {
	span own = {entry(b->t, first, 4, bytes), 0};
	if (own.start < 0) return (span){0, 0};
	while (first + own.rows < last && entry(b->t, first + own.rows, 4, bytes) == own.start + own.rows) own.rows++;
	return own.rows < MIN_SPAN ? (span){0, 0} : own;
}

// Writes the pattern where a tap is missing or reads the own run, whose rows are 1 on, and lists where not in b->others.
TEMPLATE void scan(builder *b, int64_t first, int64_t last, span own, const int bytes) {
	memset(b->n_others, 0, sizeof b->n_others);
	for (int64_t p = first; p < last; p++) {
		bool filled = has_fill(b, p);
		for (int k = 0; k < TAPS; k++) {
			int64_t i = p - first, v = entry(b->t, p, k, bytes);
			uint64_t at = (uint64_t)(v - own.start);
			if (at < (uint64_t)own.rows && !filled)
				*pattern_at(b, i, k) = (uint16_t)(1 + at);
			else if (v < 0 && !filled)
				*pattern_at(b, i, k) = 0;
			else
				b->others[k][b->n_others[k]++] = (uint16_t)i;
		}
	}
	for (int64_t i = last - first; i < b->g->pattern_groups * GROUP; i++)
		for (int k = 0; k < TAPS; k++) *pattern_at(b, i, k) = 0;
}

// Lists the distinct inputs of b->others in b->reads, tap by tap. The order depends only on how the tile reads, not on where, so that
// tiles of one shape get one pattern; and it keeps runs of ids together.
TEMPLATE int64_t list_reads(builder *b, int64_t first, span own, const int bytes) {
	int64_t n = 0;
	for (int k = 0; k < TAPS; k++)
		for (int64_t j = 0; j < b->n_others[k]; j++) {
			int64_t p = first + b->others[k][j], v = entry(b->t, p, k, bytes);
			if (v < 0 || (uint64_t)(v - own.start) < (uint64_t)own.rows || b->row[v] != 0 || find_fill(b, p, k)) continue;
			b->row[v] = 1;
			b->reads[n++] = v;
		}
	return n;
}

static int ascending(const void *a, const void *b) {
	const int64_t *p = a, *q = b;
	return (*p > *q) - (*p < *q);
}

// Sorts the n listed inputs where most that the tile reads would be singles, as of outputs that do not stand as inputs do. Such tiles
// seldom have the shape of others anyway.
static void sort_scattered(builder *b, int64_t n, span own) {
	int64_t singles = 0;
	for (int64_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && b->reads[j] == b->reads[j - 1] + 1;) j++;
		if (j - i < MIN_SPAN) singles += j - i;
	}
	if (2 * singles > n + own.rows) qsort(b->reads, (size_t)n, sizeof *b->reads, ascending);
}

// Gives every listed input its row, from `next` on: spans first, then singles.
static bool assign_rows(builder *b, int64_t n, int64_t *next) {
	if (!RESERVE(b->spans, n / MIN_SPAN) || !RESERVE(b->singles, n)) return false;
	for (int single = 0; single < 2; single++)
		for (int64_t i = 0, j; i < n; i = j) {
			for (j = i + 1; j < n && b->reads[j] == b->reads[j - 1] + 1;) j++;
			if ((j - i < MIN_SPAN) != single) continue;
			if (!single) b->spans.at[b->spans.n++] = (span){b->reads[i], j - i};
			for (int64_t r = i; r < j; r++) {
				b->row[b->reads[r]] = (int32_t)(*next)++;
				if (single) b->singles.at[b->singles.n++] = b->reads[r];
			}
		}
	return true;
}

// Completes the pattern with the rows of b->others; a fill gets a row of its own.
TEMPLATE bool write_others(builder *b, int64_t first, span own, int64_t *next, const int bytes) {
	for (int k = 0; k < TAPS; k++)
		for (int64_t j = 0; j < b->n_others[k]; j++) {
			int64_t i = b->others[k][j], v = entry(b->t, first + i, k, bytes), row = 0;
			const astronnx_conv_fill *f = find_fill(b, first + i, k);
			if (f != NULL) {
				if (!RESERVE(b->pairs, 1)) return false;
				b->pairs.at[b->pairs.n++] = (pair){f->a, f->b};
				row = (*next)++;
			} else if (v >= 0) {
				uint64_t at = (uint64_t)(v - own.start);
				row = at < (uint64_t)own.rows ? (int64_t)(1 + at) : b->row[v];
			}
			*pattern_at(b, i, k) = (uint16_t)row;
		}
	return true;
}

// Four independent FNV-1a chains over 64-bit words; equality is checked, so only speed hangs on it.
static uint64_t hash_words(const uint64_t *w, int64_t n) {
	const uint64_t prime = 1099511628211u;
	uint64_t h[4] = {14695981039346656037u, 1, 2, 3};
	int64_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (int j = 0; j < 4; j++) h[j] = (h[j] ^ w[i + j]) * prime;
	for (; i < n; i++) h[0] = (h[0] ^ w[i]) * prime;
	for (int j = 1; j < 4; j++) h[0] = (h[0] ^ (h[j] >> 29) ^ h[j]) * prime;
	return h[0] ^ h[0] >> 32;
}

static bool grow_slots(builder *b) {
	int64_t n = b->n_slots * 2;
	int64_t *slots = calloc((size_t)n, sizeof *slots);
	uint64_t *hashes = realloc(b->hashes, (size_t)n * sizeof *hashes);
	if (hashes != NULL) b->hashes = hashes;
	if (slots == NULL || hashes == NULL) {
		free(slots);
		return false;
	}
	for (int64_t i = 0; i < b->g->n_patterns; i++) {
		int64_t s = (int64_t)(hashes[i] & (uint64_t)(n - 1));
		while (slots[s] != 0) s = (s + 1) & (n - 1);
		slots[s] = i + 1;
	}
	free(b->slots);
	b->slots = slots;
	b->n_slots = n;
	return true;
}

// Returns the number of the present pattern among those kept, -1 without memory.
static int64_t keep_pattern(builder *b) {
	astronnx_conv_geom *g = b->g;
	int64_t size = g->pattern_groups * GROUP_ENTRIES;
	uint64_t h = hash_words((const uint64_t *)b->pattern, size / 4);
	if (g->n_patterns * 2 >= b->n_slots && !grow_slots(b)) return -1;
	int64_t s = (int64_t)(h & (uint64_t)(b->n_slots - 1));
	for (; b->slots[s] != 0; s = (s + 1) & (b->n_slots - 1)) {
		int64_t i = b->slots[s] - 1;
		if (b->hashes[i] == h && memcmp(b->patterns.at + i * size, b->pattern, (size_t)size * 2) == 0) return i;
	}
	if (!RESERVE(b->patterns, size)) return -1;
	memcpy(b->patterns.at + b->patterns.n, b->pattern, (size_t)size * 2);
	b->patterns.n += size;
	b->hashes[g->n_patterns] = h;
	b->slots[s] = g->n_patterns + 1;
	return g->n_patterns++;
}

TEMPLATE bool build_tile(builder *b, int64_t i, const int bytes) {
	astronnx_conv_geom *g = b->g;
	int64_t first = i * g->tile_pixels, last = min64(first + g->tile_pixels, g->p_out);
	tile *t = &g->tiles[i];
	*t = (tile){first, b->spans.n, b->singles.n, b->pairs.n, 0};
	span own = own_run(b, first, last, bytes);
	if (own.rows > 0) {
		if (!RESERVE(b->spans, 1)) return false;
		b->spans.at[b->spans.n++] = own;
	}
	scan(b, first, last, own, bytes);
	int64_t n = list_reads(b, first, own, bytes), rows = 1 + own.rows;
	sort_scattered(b, n, own);
	if (!assign_rows(b, n, &rows) || !write_others(b, first, own, &rows, bytes)) return false;
	for (int64_t r = 0; r < n; r++) b->row[b->reads[r]] = 0;
	t->pattern = keep_pattern(b);
	if (rows > g->max_rows) g->max_rows = rows;
	return t->pattern >= 0;
}

static int take_fills(builder *b) {
	const astronnx_conv_table *t = b->t;
	if (t->n_fills == 0) return ASTRONNX_CONV_OK;
	for (int64_t i = 0; i < t->n_fills; i++) {
		const astronnx_conv_fill *f = &t->fills[i];
		if ((uint64_t)f->pixel >= (uint64_t)t->p_out || (uint64_t)f->tap >= TAPS || (uint64_t)f->a >= (uint64_t)t->p_in ||
		    (uint64_t)f->b >= (uint64_t)t->p_in)
			return ASTRONNX_CONV_BAD_TABLE;
	}
	b->fills = conv_alloc(t->n_fills, sizeof *b->fills);
	b->filled = calloc((size_t)(t->p_out / 64 + 1), 8);
	if (b->fills == NULL || b->filled == NULL) return ASTRONNX_CONV_NO_MEMORY;
	memcpy(b->fills, t->fills, (size_t)t->n_fills * sizeof *b->fills);
	qsort(b->fills, (size_t)t->n_fills, sizeof *b->fills, by_pixel);
	for (int64_t i = 0; i < t->n_fills; i++) {
		int64_t p = b->fills[i].pixel;
		if (i > 0 && by_pixel(&b->fills[i - 1], &b->fills[i]) == 0) return ASTRONNX_CONV_BAD_TABLE;
		b->filled[p >> 6] |= (uint64_t)1 << (p & 63);
	}
	return ASTRONNX_CONV_OK;
}

static int build(builder *b) {
	astronnx_conv_geom *g = b->g;
	int status = take_fills(b);
	if (status != ASTRONNX_CONV_OK) return status;
	g->n_tiles = ceil_div(g->p_out, g->tile_pixels);
	g->pattern_groups = ceil_div(g->tile_pixels, GROUP);
	g->max_rows = 1;
	g->tiles = conv_alloc(g->n_tiles + 1, sizeof *g->tiles);
	b->row = calloc((size_t)g->p_in + 1, sizeof *b->row);
	b->reads = conv_alloc(g->tile_pixels * TAPS, sizeof *b->reads);
	b->pattern = conv_alloc(g->pattern_groups * GROUP_ENTRIES, sizeof *b->pattern);
	b->n_slots = 8;
	if (g->tiles == NULL || b->row == NULL || b->reads == NULL || b->pattern == NULL || !grow_slots(b))
		return ASTRONNX_CONV_NO_MEMORY;
	for (int64_t i = 0; i < g->n_tiles; i++)
		if (!(b->t->index_bytes == 4 ? build_tile(b, i, 4) : build_tile(b, i, 8))) return ASTRONNX_CONV_NO_MEMORY;
	g->tiles[g->n_tiles] = (tile){g->p_out, b->spans.n, b->singles.n, b->pairs.n, 0};
	return ASTRONNX_CONV_OK;
}

static int take_turns(const astronnx_conv_table *t, astronnx_conv_geom *g) {
	g->spins = t->pairs;
	if (t->pairs == 0) return ASTRONNX_CONV_OK;
	const int64_t groups = g->n_tiles * g->pattern_groups;
	g->turns = conv_alloc(groups * GROUP_ENTRIES, 2 * sizeof *g->turns);
	if (g->turns == NULL) return ASTRONNX_CONV_NO_MEMORY;
	float *to = g->turns;
	for (int64_t i = 0; i < groups; i++)
		for (int e = 0; e < GROUP_ENTRIES; e++, to += 2) {
			const int half = e / (TAPS * HALF), k = e / HALF % TAPS;
			const int64_t p = g->tiles[i / g->pattern_groups].first + i % g->pattern_groups * GROUP + half * HALF + e % HALF;
			for (int j = 0; j < 2; j++) to[j] = p < g->p_out ? t->turns[(p * TAPS + k) * 2 + j] : 0;
		}
	return ASTRONNX_CONV_OK;
}

// A list's memory, cut to what it holds.
static void *settle(void *at, int64_t n, size_t size, int64_t *bytes) {
	if (n == 0) {
		free(at);
		return NULL;
	}
	*bytes += n * (int64_t)size;
	void *p = realloc(at, (size_t)n * size);
	return p != NULL ? p : at;
}

int conv_geom_new(const astronnx_conv_table *t, astronnx_conv_geom **out) {
	if (t == NULL || out == NULL) return ASTRONNX_CONV_BAD_ARGUMENT;
	*out = NULL;
	int64_t bytes;
	if (t->p_in < 0 || t->p_out < 0 || t->n_fills < 0 || t->tile < 0 || t->tile > MAX_TILE) return ASTRONNX_CONV_BAD_SIZE;
	if (t->index_bytes != 4 && t->index_bytes != 8) return ASTRONNX_CONV_BAD_ARGUMENT;
	if (t->pairs < 0 || t->pairs > ASTRONNX_CONV_PAIRS) return ASTRONNX_CONV_BAD_SIZE;
	if (t->turns == NULL && t->pairs > 0 && t->p_out > 0) return ASTRONNX_CONV_BAD_ARGUMENT;
	if ((t->index == NULL && t->p_out > 0) || (t->fills == NULL && t->n_fills > 0)) return ASTRONNX_CONV_BAD_ARGUMENT;
	// The largest array indexed here is the table itself, and nothing kept is larger per pixel than twice it.
	if (__builtin_mul_overflow(t->p_out, (int64_t)TAPS * 16, &bytes) ||
	    __builtin_mul_overflow(t->p_in, (int64_t)TAPS * 16, &bytes))
		return ASTRONNX_CONV_BAD_SIZE;

	builder b = {.t = t, .g = calloc(1, sizeof *b.g)};
	if (b.g == NULL) return ASTRONNX_CONV_NO_MEMORY;
	astronnx_conv_geom *g = b.g;
	g->p_in = t->p_in;
	g->p_out = t->p_out;
	g->tile_pixels = t->tile > 0 ? t->tile : TILE;
	while (t->tile == 0 && g->tile_pixels > MIN_TILE && t->p_out < 8 * g->tile_pixels) g->tile_pixels /= 2; // for some threads
	if (g->tile_pixels > t->p_out) g->tile_pixels = t->p_out > 0 ? t->p_out : 1;
	int status = build(&b);
	if (status == ASTRONNX_CONV_OK) status = take_turns(t, g);
	g->bytes = (int64_t)sizeof *g + (g->n_tiles + 1) * (int64_t)sizeof *g->tiles;
	g->spans = settle(b.spans.at, b.spans.n, sizeof *g->spans, &g->bytes);
	g->singles = settle(b.singles.at, b.singles.n, sizeof *g->singles, &g->bytes);
	g->pairs = settle(b.pairs.at, b.pairs.n, sizeof *g->pairs, &g->bytes);
	g->patterns = settle(b.patterns.at, b.patterns.n, sizeof *g->patterns, &g->bytes);
	free(b.row);
	conv_free(b.reads);
	conv_free(b.pattern);
	free(b.slots);
	free(b.hashes);
	conv_free(b.fills);
	free(b.filled);
	if (status != ASTRONNX_CONV_OK) {
		conv_geom_free(g);
		return status;
	}
	*out = g;
	return ASTRONNX_CONV_OK;
}

void conv_geom_free(astronnx_conv_geom *g) {
	if (g == NULL) return;
	conv_free(g->tiles);
	free(g->spans);
	free(g->singles);
	free(g->pairs);
	free(g->patterns);
	conv_free(g->turns);
	free(g);
}

void conv_geom_info(const astronnx_conv_geom *g, astronnx_conv_info *out) {
	const tile *end = &g->tiles[g->n_tiles];
	int64_t rows = end->single + end->pair;
	for (int64_t i = 0; i < end->span; i++) rows += g->spans[i].rows;
	*out = (astronnx_conv_info){g->n_tiles, g->n_patterns, rows, end->single, g->bytes};
}
