//go:build cgo && !purego

#include "convnd_internal.h"

typedef int32_t picks __attribute__((vector_size(16)));

// What of a slab's row comes from a row of the source, for one phase of axis 2: positions low to high - 1, the first of them from
// element `from`. The rest is 0.
typedef struct {
	int64_t low, high, from;
} part;

static part part_of(const nd_grid *g, int64_t count, int64_t first) {
	const int64_t step = g->step[2], n = g->size[2];
	part p;
	p.low = min64(first < 0 ? ceil_div(-first, step) : 0, count);
	p.high = max64(p.low, min64(count, first < n ? ceil_div(n - first, step) : 0));
	p.from = first + p.low * step;
	return p;
}

// Rows follow each other, so what a vector writes behind one row is the next row's to write again, and behind a channel is room.
static inline void zero(float *to, int64_t n) {
	for (int64_t i = 0; i < n; i += 4) {
		nd_put(to + i, (nd_quad){0});
		__asm__ volatile(""); // or it would be a call, too slow for so few
	}
}

static inline void copy(float *to, const float *from, int64_t n) {
	if (n < 4) {
		for (int64_t i = 0; i < n; i++) to[i] = from[i];
		return;
	}
	for (int64_t i = 0; i + 4 < n; i += 4) nd_put(to + i, nd_get(from + i));
	nd_put(to + n - 4, nd_get(from + n - 4));
}

// Copies what stands in one row of the source to a phase of axis 2.
static inline void fill(float *to, int64_t count, const float *row, part p, int64_t step) {
	zero(to, p.low);
	if (step == 1)
		copy(to + p.low, row + p.from, p.high - p.low);
	else
		for (int64_t i = p.low; i < p.high; i++) to[i] = row[p.from + (i - p.low) * step];
	zero(to + p.high, count - p.high);
}

// Both phases of a stride of 2. Where they begin and end differs by one position at most.
static inline void fill_pair(float *even, float *odd, int64_t count, const float *row, part p, part q) {
	const int64_t low = max64(p.low, q.low), high = max64(low, min64(p.high, q.high)), n = high - low;
	const float *from = row + p.from + 2 * (low - p.low);
	zero(even, low);
	zero(odd, low);
	zero(even + high, count - high);
	zero(odd + high, count - high);
	for (int64_t i = 0; n >= 4 && i < n; i += 4) {
		const int64_t at = min64(i, n - 4);
		const nd_quad a = nd_get(from + 2 * at), b = nd_get(from + 2 * at + 4);
		nd_put(even + low + at, __builtin_shuffle(a, b, (picks){0, 2, 4, 6}));
		nd_put(odd + low + at, __builtin_shuffle(a, b, (picks){1, 3, 5, 7}));
	}
	for (int64_t i = 0; n < 4 && i < n; i++) even[low + i] = from[2 * i], odd[low + i] = from[2 * i + 1];
	if (p.low < low && p.low < p.high) even[p.low] = row[p.from];
	if (q.low < low && q.low < q.high) odd[q.low] = row[q.from];
	if (p.high > high) even[high] = row[p.from + 2 * (high - p.low)];
	if (q.high > high) odd[high] = row[q.from + 2 * (high - q.low)];
}

// Rows are read in the source's order: elements (q*step + r) of both outer axes, positions q and phases r.
void nd_slab_fill(const nd_grid *g, const nd_box *b, int64_t c, int64_t channels, float *slab) {
	const int64_t plane = g->size[0] * g->size[1] * g->size[2], count = b->size[2] + g->reach[2];
	const int64_t split = g->split[2], step = g->step[2], apart = g->phase, first = b->start[2] * step + g->first[2];
	part p[2];
	for (int64_t r = 0; r < 2; r++) p[r] = part_of(g, count, first + r);
	int64_t rows[2], from[2];
	for (int i = 0; i < 2; i++) {
		rows[i] = (b->size[i] + g->reach[i]) * g->split[i];
		from[i] = b->start[i] * g->step[i] + g->first[i];
	}
	for (int64_t i = 0; i < channels; i++)
		for (int64_t n = 0; n < b->images; n++) {
			const float *image = g->x + ((b->image + n) * g->channels + c + i) * plane;
			float *to_image = slab + i * g->channel + n * g->row[0] * g->row[1] * g->row[2];
			for (int64_t u0 = 0, q0 = 0, r0 = 0; u0 < rows[0]; u0++) {
				const int64_t at0 = from[0] + q0 * g->step[0] + r0;
				float *to_plane = to_image + r0 * g->split[1] * split * apart + q0 * g->row[1] * g->row[2];
				for (int64_t u1 = 0, q1 = 0, r1 = 0; u1 < rows[1]; u1++) {
					const int64_t at1 = from[1] + q1 * g->step[1] + r1;
					float *to = to_plane + r1 * split * apart + q1 * g->row[2];
					const bool inside = at0 >= 0 && at0 < g->size[0] && at1 >= 0 && at1 < g->size[1];
					const float *row = image + (at0 * g->size[1] + at1) * g->size[2];
					if (inside && split == 1)
						fill(to, count, row, p[0], step);
					else if (inside && step == 2)
						fill_pair(to, to + apart, count, row, p[0], p[1]);
					else
						for (int64_t r = 0; r < split; r++)
							if (inside)
								fill(to + r * apart, count, row, part_of(g, count, first + r), step);
							else
								zero(to + r * apart, count);
					if (++r1 == g->split[1]) r1 = 0, q1++;
				}
				if (++r0 == g->split[0]) r0 = 0, q0++;
			}
		}
}
