//go:build cgo && !purego

#include "convnd_internal.h"

#include <string.h>

typedef float quad __attribute__((vector_size(16)));
typedef int32_t picks __attribute__((vector_size(16)));

static inline quad get(const float *p) {
	quad v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void put(float *p, quad v) { memcpy(p, &v, sizeof v); }

static inline void flip4(float *to, int64_t to_row, const float *from, int64_t from_row) {
	const quad r0 = get(from), r1 = get(from + from_row), r2 = get(from + 2 * from_row), r3 = get(from + 3 * from_row);
	const quad a = __builtin_shuffle(r0, r1, (picks){0, 4, 1, 5}), b = __builtin_shuffle(r2, r3, (picks){0, 4, 1, 5});
	const quad c = __builtin_shuffle(r0, r1, (picks){2, 6, 3, 7}), d = __builtin_shuffle(r2, r3, (picks){2, 6, 3, 7});
	put(to, __builtin_shuffle(a, b, (picks){0, 1, 4, 5}));
	put(to + to_row, __builtin_shuffle(a, b, (picks){2, 3, 6, 7}));
	put(to + 2 * to_row, __builtin_shuffle(c, d, (picks){0, 1, 4, 5}));
	put(to + 3 * to_row, __builtin_shuffle(c, d, (picks){2, 3, 6, 7}));
}

void nd_flip(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t columns) {
	int64_t i = 0;
	for (; i + 4 <= rows; i += 4, from += 4 * from_row, to += 4) {
		int64_t j = 0;
		for (; j + 4 <= columns; j += 4) flip4(to + j * to_row, to_row, from + j, from_row);
		for (; j < columns; j++)
			for (int q = 0; q < 4; q++) to[j * to_row + q] = from[q * from_row + j];
	}
	for (; i < rows; i++, from += from_row, to++)
		for (int64_t j = 0; j < columns; j++) to[j * to_row] = from[j];
}

void nd_zip(float *to, const float *even, const float *odd, int64_t n) {
	int64_t i = 0;
	for (; i + 4 <= n; i += 4) {
		const quad a = get(even + i), b = get(odd + i);
		put(to + 2 * i, __builtin_shuffle(a, b, (picks){0, 4, 1, 5}));
		put(to + 2 * i + 4, __builtin_shuffle(a, b, (picks){2, 6, 3, 7}));
	}
	for (; i < n; i++) to[2 * i] = even[i], to[2 * i + 1] = odd[i];
}

void nd_unzip(float *even, float *odd, const float *from, int64_t n) {
	int64_t i = 0;
	for (; i + 4 <= n; i += 4) {
		const quad a = get(from + 2 * i), b = get(from + 2 * i + 4);
		put(even + i, __builtin_shuffle(a, b, (picks){0, 2, 4, 6}));
		put(odd + i, __builtin_shuffle(a, b, (picks){1, 3, 5, 7}));
	}
	for (; i < n; i++) even[i] = from[2 * i], odd[i] = from[2 * i + 1];
}
