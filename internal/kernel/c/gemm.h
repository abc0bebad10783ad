// Matrix products of packed blocks; package kernel cuts a product into them.
#ifndef ASTRONNX_GEMM_H
#define ASTRONNX_GEMM_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

// Sizes, and where elements stand: element (l, j) of the operand that is read unpacked at l * row + j * col or, where offsets are
// given, at rows[l] + cols[j]; element (i, j) of the result at i * c_row + j * c_col.
typedef struct {
	int64_t m, n, k;
	int64_t strip; // rows of a strip of the left operand, at most max_strip
	int64_t row, col;
	const int64_t *rows, *cols;
	int64_t c_row, c_col;
} gemm_shape;

typedef struct {
	// c += alpha * a * b, for a in strips; scratch holds k * width elements.
	void (*block)(const gemm_shape *s, const void *a, const void *b, double alpha, void *c, void *scratch);
	// Copies the left operand, m x k, to strips: [m / strip][k][strip], the last as narrow as it is.
	void (*strips)(const gemm_shape *s, const void *a, void *to);
	int max_strip, width; // rows of a strip, columns worked on together
} gemm_path;

// NULL if the processor lacks the path's instructions. bytes is the size of an element, 4 or 8.
const gemm_path *gemm_path_of(int which, int bytes);

#pragma GCC visibility pop
#endif
