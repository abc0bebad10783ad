// Sums over pixels of the gradient of W, a template: included once for every path, with
//   BYTES      bytes of a vector
//   MR         the most input channels of a tile of sums; MR x 2 vectors fill the registers
//   TARGET     the function attribute that allows the instructions
//   NAME(x)    the name of x for this path
#define LANES ((int)(BYTES / sizeof(float)))
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(vec) __attribute__((vector_size(BYTES)));

TEMPLATE NAME(vec) NAME(get)(const float *p) {
	NAME(vec) v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void NAME(put)(float *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

// Adds to sums[m][ldo] of two vectors each, over `halves` times HALF pixels, what the rows at off hold by what z holds. m is a constant
// of the code.
TEMPLATE void NAME(sums)(const int m, float *sums, int64_t ldo, const char *rows, const uint32_t *off, const float *z, int64_t ldz,
                         int64_t halves) {
	NAME(vec) s[MR][2];
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) s[i][v] = (NAME(vec)){0};
	for (int64_t h = 0; h < halves; h++, off += HALF * TAPS)
		for (int q = 0; q < HALF; q++, z += ldz) {
			const float *x = (const float *)(rows + off[q]);
			const NAME(vec) z0 = NAME(get)(z), z1 = NAME(get)(z + LANES);
#pragma GCC unroll 16
			for (int i = 0; i < m; i++) {
				s[i][0] += x[i] * z0;
				s[i][1] += x[i] * z1;
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
	TARGET static void NAME(sums_##m)(float *sums, int64_t ldo, const char *rows, const uint32_t *off, const float *z, int64_t ldz, \
	                                  int64_t halves) { \
		NAME(sums)(m, sums, ldo, rows, off, z, ldz, halves); \
	}
SUMS(1) SUMS(2) SUMS(3) SUMS(4) SUMS(5) SUMS(6)

// All channels and taps of up to BATCH pixels: sums[TAPS][channels][ldo].
static void NAME(weight_sums)(float *sums, int64_t ldo, const float *rows, int channels, const uint32_t *off, const float *z, int64_t ldz,
                              int64_t halves) {
	static void (*const by_channels[MR + 1])(float *, int64_t, const char *, const uint32_t *, const float *, int64_t, int64_t) = {
	    NULL, NAME(sums_1), NAME(sums_2), NAME(sums_3), NAME(sums_4), NAME(sums_5), NAME(sums_6)};
	for (int k = 0; k < TAPS; k++)
		for (int64_t o = 0; o < ldo; o += 2 * LANES)
			for (int c = 0; c < channels; c += MR) {
				const int m = channels - c < MR ? channels - c : MR;
				by_channels[m](sums + (k * channels + c) * ldo + o, ldo, (const char *)(rows + c), off + k * HALF, z + o, ldz, halves);
			}
}

#undef SUMS
#undef LANES
#undef TEMPLATE
#undef BYTES
#undef MR
#undef TARGET
#undef NAME
