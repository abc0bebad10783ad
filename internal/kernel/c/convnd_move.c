//go:build cgo && !purego

#include "convnd_internal.h"

typedef int32_t picks __attribute__((vector_size(16)));

static inline void flip4(float *to, int64_t to_row, const float *from, int64_t from_row) {
	const nd_quad r0 = nd_get(from), r1 = nd_get(from + from_row), r2 = nd_get(from + 2 * from_row), r3 = nd_get(from + 3 * from_row);
	const nd_quad a = __builtin_shuffle(r0, r1, (picks){0, 4, 1, 5}), b = __builtin_shuffle(r2, r3, (picks){0, 4, 1, 5});
	const nd_quad c = __builtin_shuffle(r0, r1, (picks){2, 6, 3, 7}), d = __builtin_shuffle(r2, r3, (picks){2, 6, 3, 7});
	nd_put(to, __builtin_shuffle(a, b, (picks){0, 1, 4, 5}));
	nd_put(to + to_row, __builtin_shuffle(a, b, (picks){2, 3, 6, 7}));
	nd_put(to + 2 * to_row, __builtin_shuffle(c, d, (picks){0, 1, 4, 5}));
	nd_put(to + 3 * to_row, __builtin_shuffle(c, d, (picks){2, 3, 6, 7}));
}

static inline void flip_rest(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t columns) {
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

// Rows that lie far apart often fall on the same few lines of the first-level cache: where they are written, LINE elements of one
// go out together; where they are read, four at a time.
void nd_flip(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t columns) {
	enum { LINE = 16 };
	const int64_t high = rows & ~3, wide = columns & ~3;
	if (to_row > from_row)
		for (int64_t i = 0; i < high; i += LINE)
			for (int64_t j = 0; j < wide; j += 4)
				for (int64_t q = i; q < min64(i + LINE, high); q += 4) flip4(to + j * to_row + q, to_row, from + q * from_row + j, from_row);
	else
		for (int64_t i = 0; i < high; i += 4)
			for (int64_t j = 0; j < wide; j += 4) flip4(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
	flip_rest(to + wide * to_row, to_row, from + wide, from_row, high, columns - wide);
	flip_rest(to + high, to_row, from + high * from_row, from_row, rows - high, columns);
}

void nd_zip(float *to, const float *even, const float *odd, int64_t n) {
	int64_t i = 0;
	for (; i + 4 <= n; i += 4) {
		const nd_quad a = nd_get(even + i), b = nd_get(odd + i);
		nd_put(to + 2 * i, __builtin_shuffle(a, b, (picks){0, 4, 1, 5}));
		nd_put(to + 2 * i + 4, __builtin_shuffle(a, b, (picks){2, 6, 3, 7}));
	}
	for (; i < n; i++) to[2 * i] = even[i], to[2 * i + 1] = odd[i];
}
