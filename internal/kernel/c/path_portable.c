//go:build cgo && !purego

#include "internal.h"

#include <string.h>

// Four floats: what every 64-bit processor has. The compiler lowers it where there is less.
typedef float v4 __attribute__((vector_size(16)));

static inline v4 get(const float *p) {
	v4 v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void put(float *p, v4 v) { memcpy(p, &v, sizeof v); }

static void load(float *rows, const float *x, int64_t plane, int channels, int64_t pixels, const uint8_t *mask) {
	for (int c = 0; c < channels; c++) {
		const float *from = x + c * plane;
		if (mask == NULL)
			for (int64_t i = 0; i < pixels; i++) rows[i * channels + c] = from[i];
		else
			for (int64_t i = 0; i < pixels; i++) rows[i * channels + c] = mask[i] ? from[i] : 0;
	}
}

static void offsets(uint32_t *off, const uint16_t *row, uint32_t stride) {
	for (int i = 0; i < GROUP_ENTRIES; i++) off[i] = row[i] * stride;
}

// Four outputs by eight channels.
static void gemm4x8(float *o, int64_t ldo, const char *rows, const uint32_t *off, int channels, const float *w, int width,
                    bool accumulate) {
	v4 s[4][2];
	for (int i = 0; i < 4; i++)
		for (int v = 0; v < 2; v++) s[i][v] = accumulate ? get(o + i * ldo + 4 * v) : (v4){0};
	for (int k = 0; k < TAPS; k++, off += HALF)
		for (int c = 0; c < channels; c++, w += width) {
			v4 w0 = get(w), w1 = get(w + 4);
			for (int i = 0; i < 4; i++) {
				float x = ((const float *)(rows + off[i]))[c];
				s[i][0] += x * w0;
				s[i][1] += x * w1;
			}
		}
	for (int i = 0; i < 4; i++)
		for (int v = 0; v < 2; v++) put(o + i * ldo + 4 * v, s[i][v]);
}

static void gemm(float *o, int64_t ldo, const float *rows, const uint32_t *off, int channels, const float *w, int width,
                 bool accumulate) {
	for (int i = 0; i < GROUP; i += 4)
		for (int v = 0; v < width; v += 8)
			gemm4x8(o + i * ldo + v, ldo, (const char *)rows, off + i / HALF * HALF * TAPS + i % HALF, channels, w + v, width,
			        accumulate);
}

static void finish(float *y, int64_t plane, int64_t n, const float *o, int64_t ldo, int channels, const float *bias,
                   const float *scale, bool stream) {
	(void)stream;
	for (int64_t q = 0; q < n; q += GROUP) // a group's sums stay in the first-level cache
		for (int c = 0; c < channels; c++)
			for (int64_t i = q; i < min64(q + GROUP, n); i++) {
				float sum = o[i * ldo + c];
				y[c * plane + i] = scale != NULL ? scale[i] * sum + bias[c] : sum + bias[c]; // rounded as ending_kernel.h does
			}
}

static void fence(void) {}

const path conv_portable = {load, offsets, gemm, finish, fence, conv_end_portable};
