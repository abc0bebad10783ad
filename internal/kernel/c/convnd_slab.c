//go:build cgo && !purego

#include "convnd_internal.h"

#include <string.h>

// Copies elements first + i*step of a row of n to to[i], for i below count; elements that are not there are 0.
static void copy_row(float *to, int64_t count, const float *from, int64_t n, int64_t first, int64_t step) {
	const int64_t low = min64(first < 0 ? ceil_div(-first, step) : 0, count);
	const int64_t high = max64(low, min64(count, first < n ? ceil_div(n - first, step) : 0));
	memset(to, 0, (size_t)low * sizeof *to);
	if (step == 1)
		memcpy(to + low, from + first + low, (size_t)(high - low) * sizeof *to);
	else
		for (int64_t i = low; i < high; i++) to[i] = from[first + i * step];
	memset(to + high, 0, (size_t)(count - high) * sizeof *to);
}

// Copies a row to both of two phases.
static void copy_pair(float *even, float *odd, int64_t count, const float *from, int64_t n, int64_t first) {
	const int64_t low = min64(first < 0 ? ceil_div(-first, 2) : 0, count);
	const int64_t high = max64(low, min64(count, floor_div(n - first, 2)));
	copy_row(even, low, from, n, first, 2);
	copy_row(odd, low, from, n, first + 1, 2);
	nd_unzip(even + low, odd + low, from + first + 2 * low, high - low);
	copy_row(even + high, count - high, from, n, first + 2 * high, 2);
	copy_row(odd + high, count - high, from, n, first + 1 + 2 * high, 2);
}

// Copies what stands in one row of the source to the phases of axis 2; from NULL: zeros.
static void fill_row(const nd_grid *g, const nd_box *b, float *to, const float *from) {
	const int64_t count = b->size[2] + g->reach[2], first = b->start[2] * g->step[2] + g->first[2];
	if (from != NULL && g->step[2] == 2 && g->split[2] == 2) {
		copy_pair(to, to + g->phase, count, from, g->size[2], first);
		return;
	}
	for (int64_t r = 0; r < g->split[2]; r++, to += g->phase) {
		if (from != NULL)
			copy_row(to, count, from, g->size[2], first + r, g->step[2]);
		else
			memset(to, 0, (size_t)count * sizeof *to);
	}
}

void nd_slab_fill(const nd_grid *g, const nd_box *b, int64_t c, int64_t channels, float *slab) {
	const int64_t plane = g->size[0] * g->size[1] * g->size[2];
	for (int64_t r0 = 0; r0 < g->split[0]; r0++)
		for (int64_t r1 = 0; r1 < g->split[1]; r1++) {
			float *phase = slab + (r0 * g->split[1] + r1) * g->split[2] * g->phase;
			for (int64_t i = 0; i < channels; i++)
				for (int64_t n = 0; n < b->images; n++) {
					const float *image = g->x + ((b->image + n) * g->channels + c + i) * plane;
					for (int64_t q0 = 0; q0 < b->size[0] + g->reach[0]; q0++) {
						const int64_t at0 = (b->start[0] + q0) * g->step[0] + g->first[0] + r0;
						float *to = phase + i * g->channel + (n * g->row[0] + q0) * g->row[1] * g->row[2];
						for (int64_t q1 = 0; q1 < b->size[1] + g->reach[1]; q1++, to += g->row[2]) {
							const int64_t at1 = (b->start[1] + q1) * g->step[1] + g->first[1] + r1;
							const bool inside = at0 >= 0 && at0 < g->size[0] && at1 >= 0 && at1 < g->size[1];
							fill_row(g, b, to, inside ? image + (at0 * g->size[1] + at1) * g->size[2] : NULL);
						}
					}
				}
		}
}
