// Sums over pixels of the gradient of W, a template for each_path.h.
#define MR 6 // the most input channels of a tile of sums: MR x 2 vectors fill the registers
#define LANES ((int)(BYTES / sizeof(float)))
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(vec) __attribute__((vector_size(BYTES)));

TEMPLATE NAME(vec) NAME(get)(const float *p) {
	NAME(vec) v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void NAME(put)(float *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

// Adds to m rows of sums, two vectors each, over `halves` times HALF pixels, what the rows at off hold by what z holds. The rows are
// those of input channels from c on at one tap, if apart; else those of columns from c on, which are taps by channels. m and apart
// are constants of the code.
TEMPLATE void NAME(sums)(const int m, const bool apart, float *sums, int64_t ldo, const char *rows, int c, int channels,
                         const uint32_t *off, const float *z, int64_t ldz, int64_t halves) {
	NAME(vec) s[MR][2];
	const uint32_t *tap[MR];
	const char *row[MR];
#pragma GCC unroll 16
	for (int i = 0; i < m; i++) {
		tap[i] = apart ? off : off + (c + i) / channels * HALF;
		row[i] = rows + (size_t)(apart ? c + i : (c + i) % channels) * sizeof(float);
	}
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) s[i][v] = (NAME(vec)){0};
	for (int64_t h = 0; h < halves * HALF * TAPS; h += HALF * TAPS)
		for (int q = 0; q < HALF; q++, z += ldz) {
			const NAME(vec) z0 = NAME(get)(z), z1 = NAME(get)(z + LANES);
#pragma GCC unroll 16
			for (int i = 0; i < m; i++) {
				const float x = *(const float *)(row[i] + tap[i][h + q]);
				s[i][0] += x * z0;
				s[i][1] += x * z1;
			}
		}
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) {
			float *to = sums + i * ldo + v * LANES;
			NAME(put)(to, NAME(get)(to) + s[i][v]);
		}
}

#define SUMS(m) \
	TARGET static void NAME(sums_##m)(float *sums, int64_t ldo, const char *rows, int c, int channels, const uint32_t *off, \
	                                  const float *z, int64_t ldz, int64_t halves) { \
		if (channels < MR / 2) \
			NAME(sums)(m, false, sums, ldo, rows, c, channels, off, z, ldz, halves); \
		else \
			NAME(sums)(m, true, sums, ldo, rows, c, channels, off, z, ldz, halves); \
	}
SUMS(1) SUMS(2) SUMS(3) SUMS(4) SUMS(5) SUMS(6)

// All channels and taps of up to BATCH pixels: sums[TAPS][channels][ldo].
static void NAME(weight_sums)(float *sums, int64_t ldo, const float *rows, int channels, const uint32_t *off, const float *z, int64_t ldz,
                              int64_t halves) {
	static void (*const by_rows[MR + 1])(float *, int64_t, const char *, int, int, const uint32_t *, const float *, int64_t, int64_t) = {
	    NULL, NAME(sums_1), NAME(sums_2), NAME(sums_3), NAME(sums_4), NAME(sums_5), NAME(sums_6)};
	const bool few = channels < MR / 2; // taps are then taken together
	const int n = few ? channels * TAPS : channels;
	for (int k = 0; k < (few ? 1 : TAPS); k++)
		for (int64_t o = 0; o < ldo; o += 2 * LANES)
			for (int c = 0; c < n; c += MR)
				by_rows[n - c < MR ? n - c : MR](sums + (k * channels + c) * ldo + o, ldo, (const char *)rows, c, channels, off + k * HALF,
				                                 z + o, ldz, halves);
}

#undef SUMS
#undef LANES
#undef TEMPLATE
#undef BYTES
#undef MR
#undef TARGET
#undef NAME
