// The sum of gathered products, a template: included once for every path, with
//   LANES      floats of a vector
//   ROWS1      rows of a tile of one vector
//   ROWS2      rows of a tile of two vectors; the sums fill the registers
//   TARGET     the function attribute that allows the instructions
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float vec __attribute__((vector_size(LANES * 4)));

TEMPLATE vec get(const float *p) {
	vec v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void put(float *p, vec v) { memcpy(p, &v, sizeof v); }

// m rows and nv vectors are constants of the code.
TEMPLATE void sums(const int m, const int nv, const float *x, const int32_t *row, int64_t k, const int32_t *at, const float *b,
                   float *c) {
	const float *from[8];
	vec s[8][2];
#pragma GCC unroll 8
	for (int i = 0; i < m; i++) {
		from[i] = x + row[i];
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) s[i][v] = (vec){0};
	}
	for (int64_t l = 0; l < k; l++, b += nv * LANES) {
		const int64_t o = at[l];
		vec w[2];
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) w[v] = get(b + v * LANES);
#pragma GCC unroll 8
		for (int i = 0; i < m; i++)
#pragma GCC unroll 2
			for (int v = 0; v < nv; v++) s[i][v] += from[i][o] * w[v];
	}
#pragma GCC unroll 8
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++, c += LANES) put(c, get(c) + s[i][v]);
}

#define TILE(m, nv) \
	TARGET static void tile##m##x##nv(const float *x, const int32_t *row, int64_t k, const int32_t *at, const float *b, float *c) { \
		sums(m, nv, x, row, k, at, b, c); \
	}
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)
#if ROWS2 > 6
TILE(7, 2) TILE(8, 2)
#endif
#undef TILE

static void outer(int64_t n, const float *x, const int32_t *row, int64_t k, const int32_t *at, const float *b, int width, float *c) {
	typedef void (*fn)(const float *, const int32_t *, int64_t, const int32_t *, const float *, float *);
	static const fn one[] = {tile1x1, tile2x1, tile3x1, tile4x1, tile5x1, tile6x1, tile7x1, tile8x1};
	static const fn two[] = {
	    tile1x2, tile2x2, tile3x2, tile4x2, tile5x2, tile6x2,
#if ROWS2 > 6
	    tile7x2, tile8x2,
#endif
	};
	const fn *tiles = width == LANES ? one : two;
	const int64_t most = width == LANES ? ROWS1 : ROWS2;
	// Tiles as equal as they can be: a last one of few rows would wait for its own sums.
	for (int64_t left = ceil_div(n, most); n > 0; left--) {
		const int64_t m = ceil_div(n, left);
		tiles[m - 1](x, row, k, at, b, c);
		row += m, c += m * width, n -= m;
	}
}

// The same sums with vectors along pixels that follow each other: to[i][p] = bias[i] + sum over l of b[l][i] * x[p + at[l]], for m of
// ND_ROWS channels and nv vectors of pixels, of which n are wanted.
TEMPLATE void row_sums(const int m, const int nv, const float *x, int64_t k, const int32_t *at, const float *b, const float *bias,
                       float *to, int64_t to_row, int64_t n) {
	vec s[ND_ROWS][8];
#pragma GCC unroll 4
	for (int i = 0; i < m; i++)
#pragma GCC unroll 8
		for (int v = 0; v < nv; v++) s[i][v] = (vec){0} + bias[i];
	for (int64_t l = 0; l < k; l++, b += ND_ROWS) {
		const float *from = x + at[l];
		vec p[8];
#pragma GCC unroll 8
		for (int v = 0; v < nv; v++) p[v] = get(from + v * LANES);
#pragma GCC unroll 4
		for (int i = 0; i < m; i++)
#pragma GCC unroll 8
			for (int v = 0; v < nv; v++) s[i][v] += b[i] * p[v];
	}
	if (n >= nv * LANES) {
#pragma GCC unroll 4
		for (int i = 0; i < m; i++)
#pragma GCC unroll 8
			for (int v = 0; v < nv; v++) put(to + i * to_row + v * LANES, s[i][v]);
		return;
	}
	float row[8 * LANES];
#pragma GCC unroll 4
	for (int i = 0; i < m; i++) {
#pragma GCC unroll 8
		for (int v = 0; v < nv; v++) put(row + v * LANES, s[i][v]);
		memcpy(to + i * to_row, row, (size_t)n * sizeof *row);
	}
}

#define ROW(m, nv) \
	TARGET static void row##m##x##nv(const float *x, int64_t k, const int32_t *at, const float *b, const float *bias, float *to, \
	                                 int64_t to_row, int64_t n) { \
		row_sums(m, nv, x, k, at, b, bias, to, to_row, n); \
	}
ROW(1, 1) ROW(1, 2) ROW(1, 3) ROW(1, 4) ROW(1, 5) ROW(1, 6) ROW(1, 7) ROW(1, 8) ROW(2, 1) ROW(2, 2) ROW(2, 3) ROW(2, 4)
ROW(3, 1) ROW(3, 2) ROW(3, 3) ROW(4, 1) ROW(4, 2) ROW(4, 3)
#undef ROW

static void across(int m, int64_t n, const float *x, int64_t k, const int32_t *at, const float *b, const float *bias, float *to,
                   int64_t to_row) {
	typedef void (*fn)(const float *, int64_t, const int32_t *, const float *, const float *, float *, int64_t, int64_t);
	static const fn rows[ND_ROWS][8] = {
	    {row1x1, row1x2, row1x3, row1x4, row1x5, row1x6, row1x7, row1x8},
	    {row2x1, row2x2, row2x3, row2x4},
	    {row3x1, row3x2, row3x3},
	    {row4x1, row4x2, row4x3},
	};
	// Pieces as equal as they can be.
	for (int64_t left = ceil_div(n, ND_VECTORS(m) * LANES); n > 0; left--) {
		const int64_t vectors = ceil_div(ceil_div(n, LANES), left), done = min64(n, vectors * LANES);
		rows[m - 1][vectors - 1](x, k, at, b, bias, to, to_row, done);
		x += done, to += done, n -= done;
	}
}
