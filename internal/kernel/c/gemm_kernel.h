// The product of packed blocks, a template: included once for every element type and path, with
//   T          the element type
//   BYTES      bytes of a vector
//   MR         the most rows of a tile; a tile is at most MR x 2 vectors, whose sums fill the registers
//   TARGET     the function attribute that allows the instructions
//   NAME(x)    the name of x for this type and path
#define LANES ((int)(BYTES / sizeof(T)))
#define NR (2 * LANES)
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef T NAME(vec) __attribute__((vector_size(BYTES)));

TEMPLATE NAME(vec) NAME(get)(const T *p) {
	NAME(vec) v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void NAME(put)(T *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

// Adds alpha times the product of a[k][m] and b[k][nv vectors] to m x cols elements of c. m and nv are constants of the code.
TEMPLATE void NAME(tile)(const int m, const int nv, int64_t k, const T *a, const T *b, T alpha, T *c, int64_t row, int64_t col,
                         int64_t cols) {
	NAME(vec) s[MR][2];
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) s[i][v] = (NAME(vec)){0};
	for (int64_t l = 0; l < k; l++, a += m, b += nv * LANES) {
		NAME(vec) x[2];
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) x[v] = NAME(get)(b + v * LANES);
#pragma GCC unroll 16
		for (int i = 0; i < m; i++)
#pragma GCC unroll 2
			for (int v = 0; v < nv; v++) s[i][v] += a[i] * x[v];
	}
	if (col == 1 && cols == nv * LANES) {
#pragma GCC unroll 16
		for (int i = 0; i < m; i++)
#pragma GCC unroll 2
			for (int v = 0; v < nv; v++) {
				T *to = c + i * row + v * LANES;
				NAME(put)(to, NAME(get)(to) + alpha * s[i][v]);
			}
		return;
	}
	T sums[MR][NR];
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) NAME(put)(&sums[i][v * LANES], s[i][v]);
	for (int i = 0; i < m; i++)
		for (int64_t j = 0; j < cols; j++) c[i * row + j * col] += alpha * sums[i][j];
}

#define TILE(m) \
	TARGET static void NAME(tile##m)(int64_t k, const T *a, const T *b, T alpha, T *c, int64_t row, int64_t col, int64_t cols) { \
		if (cols > LANES) \
			NAME(tile)(m, 2, k, a, b, alpha, c, row, col, cols); \
		else \
			NAME(tile)(m, 1, k, a, b, alpha, c, row, col, cols); \
	}
TILE(1) TILE(2) TILE(3) TILE(4)
#if MR > 4
TILE(5) TILE(6)
#endif
#if MR > 6
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
#undef TILE

// Copies k rows of `cols` consecutive elements each to rows of `width`, the rest of which is 0.
TARGET static void NAME(pack_rows)(T *to, const T *b, const gemm_shape *s, int64_t k, int64_t cols, int64_t width) {
	for (int64_t l = 0; l < k; l++, to += width) {
		const T *from = b + (s->rows != NULL ? s->rows[l] : l * s->row);
		if (cols == NR)
			for (int v = 0; v < 2; v++) NAME(put)(to + v * LANES, NAME(get)(from + v * LANES));
		else
			for (int64_t j = 0; j < width; j++) to[j] = j < cols ? from[j] : 0;
	}
}

// Copies k x cols elements that stand anywhere.
TARGET static void NAME(pack_any)(T *to, const T *b, const gemm_shape *s, int64_t k, int64_t cols, int64_t width) {
	int64_t at[NR];
	for (int64_t j = 0; j < cols; j++) at[j] = s->cols != NULL ? s->cols[j] : j * s->col;
	for (int64_t l = 0; l < k; l++, to += width) {
		const T *from = b + (s->rows != NULL ? s->rows[l] : l * s->row);
		for (int64_t j = 0; j < cols; j++) to[j] = from[at[j]];
		for (int64_t j = cols; j < width; j++) to[j] = 0;
	}
}

static void NAME(pack_columns)(T *to, int64_t width, const T *from, int64_t stride, int64_t k, int64_t cols) {
	for (int64_t l = 0; l < k; l += 16)
		for (int64_t j = 0; j < cols; j++)
			for (int64_t i = l; i < min64(l + 16, k); i++) to[i * width + j] = from[j * stride + i];
}

static bool NAME(consecutive)(const int64_t *at, int64_t n) {
	for (int64_t j = 1; j < n; j++)
		if (at[j] != at[0] + j) return false;
	return true;
}

// Adds alpha times the product of packed a, m x k, and b, k x n, to c; scratch holds k * NR elements.
TARGET static void NAME(block)(const gemm_shape *s, const void *a_, const void *b_, double alpha, void *c_, void *scratch) {
	static void (*const tiles[])(int64_t, const T *, const T *, T, T *, int64_t, int64_t, int64_t) = {
	    NAME(tile1), NAME(tile2), NAME(tile3), NAME(tile4),
#if MR > 4
	    NAME(tile5), NAME(tile6),
#endif
#if MR > 6
	    NAME(tile7), NAME(tile8), NAME(tile9), NAME(tile10), NAME(tile11), NAME(tile12),
#endif
	};
	const T *a = a_, *b = b_;
	T *c = c_, *packed = scratch;
	for (int64_t j = 0; j < s->n; j += NR) {
		const int64_t cols = min64(NR, s->n - j), width = cols > LANES ? NR : LANES;
		gemm_shape rest = *s;
		const T *from = b;
		if (s->cols != NULL)
			rest.cols += j;
		else
			from += j * s->col;
		if (s->cols != NULL && NAME(consecutive)(rest.cols, cols))
			NAME(pack_rows)(packed, from + rest.cols[0], &rest, s->k, cols, width);
		else if (s->cols == NULL && s->col == 1)
			NAME(pack_rows)(packed, from, &rest, s->k, cols, width);
		else if (s->cols == NULL && s->rows == NULL && s->row == 1 && cols == width)
			NAME(pack_columns)(packed, width, from, s->col, s->k, cols);
		else
			NAME(pack_any)(packed, from, &rest, s->k, cols, width);
		for (int64_t i = 0; i < s->m; i += s->strip) {
			const int64_t rows = min64(s->strip, s->m - i);
			tiles[rows - 1](s->k, a + i * s->k, packed, (T)alpha, c + i * s->c_row + j * s->c_col, s->c_row, s->c_col, cols);
		}
	}
}

// Packs m rows of a, k long, in strips: [m / strip][k][strip], the last strip as narrow as it is.
static void NAME(strips)(const gemm_shape *s, const void *a_, void *to_) {
	const T *a = a_;
	T *to = to_;
	for (int64_t i = 0; i < s->m; i += s->strip) {
		const int64_t rows = min64(s->strip, s->m - i);
		for (int64_t l = 0; l < s->k; l += 16)
			for (int64_t r = 0; r < rows; r++)
				for (int64_t q = l; q < min64(l + 16, s->k); q++) to[i * s->k + q * rows + r] = a[(i + r) * s->row + q * s->col];
	}
}

static const gemm_path NAME(gemm) = {NAME(block), NAME(strips), MR, NR};

#undef LANES
#undef NR
#undef TEMPLATE
#undef T
#undef BYTES
#undef MR
#undef TARGET
#undef NAME
