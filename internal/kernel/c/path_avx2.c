//go:build cgo && !purego

#include "internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma")))
// Functions of this kind are templates: their constant arguments become constants of the code.
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

// Transposes 8 x 8.
TEMPLATE void transpose(__m256 *r) {
	__m256 t[8];
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
		t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__m256 a = t[i / 2 * 4 + i % 2], b = t[i / 2 * 4 + i % 2 + 2];
		r[2 * i] = _mm256_shuffle_ps(a, b, 0x44);
		r[2 * i + 1] = _mm256_shuffle_ps(a, b, 0xee);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__m256 a = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20), b = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
		r[i] = a;
		r[i + 4] = b;
	}
}

// All ones where one of eight pixels is valid.
TEMPLATE __m256 valid(const uint8_t *mask) {
	__m256i v = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)mask));
	return _mm256_castsi256_ps(_mm256_cmpgt_epi32(v, _mm256_setzero_si256()));
}

// What is not a whole 8 x 8 block: `n` channels, `pixels` pixels.
static void load_rest(float *rows, const float *x, int64_t plane, int channels, int n, int64_t pixels, const uint8_t *mask) {
	for (int c = 0; c < n; c++) {
		const float *from = x + c * plane;
		if (mask == NULL)
			for (int64_t i = 0; i < pixels; i++) rows[i * channels + c] = from[i];
		else
			for (int64_t i = 0; i < pixels; i++) rows[i * channels + c] = mask[i] ? from[i] : 0;
	}
}

TARGET static void load(float *rows, const float *x, int64_t plane, int channels, int64_t pixels, const uint8_t *mask) {
	for (int c = 0; c < channels; c += 8, rows += 8, x += 8 * plane) {
		int n = channels - c < 8 ? channels - c : 8;
		int64_t i = 0;
		for (; n == 8 && i + 8 <= pixels; i += 8) {
			__m256 r[8];
#pragma GCC unroll 8
			for (int j = 0; j < 8; j++) r[j] = _mm256_loadu_ps(x + j * plane + i);
			if (mask != NULL) {
				__m256 m = valid(mask + i);
#pragma GCC unroll 8
				for (int j = 0; j < 8; j++) r[j] = _mm256_and_ps(r[j], m);
			}
			transpose(r);
#pragma GCC unroll 8
			for (int j = 0; j < 8; j++) _mm256_storeu_ps(rows + (i + j) * channels, r[j]);
		}
		load_rest(rows + i * channels, x + i, plane, channels, n, pixels - i, mask ? mask + i : NULL);
	}
}

TARGET static void offsets(uint32_t *off, const uint16_t *row, uint32_t stride) {
	__m256i s = _mm256_set1_epi32((int)stride);
	for (int i = 0; i < GROUP_ENTRIES; i += 8)
		_mm256_store_si256((__m256i *)(off + i),
		                   _mm256_mullo_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(row + i))), s));
}

// Outputs first..first+m-1 of a group by 16 channels, m * 2 sums in registers; consecutive weights stand `width` apart.
// channels is a constant if fixed is not 0.
TEMPLATE void sums(const int m, const int first, const int fixed, float *o, int64_t ldo, const char *rows, const uint32_t *off,
                   int channels, const float *w, int64_t width, bool accumulate) {
	const int64_t n = fixed ? fixed : channels;
	__m256 s[6][2];
	o += first * ldo;
#pragma GCC unroll 6
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) s[i][v] = accumulate ? _mm256_load_ps(o + i * ldo + 8 * v) : _mm256_setzero_ps();
	for (int k = 0; k < TAPS; k++, off += HALF) {
		const float *r[6];
#pragma GCC unroll 6
		for (int i = 0; i < m; i++) r[i] = (const float *)(rows + off[(first + i) / HALF * HALF * TAPS + (first + i) % HALF]);
#pragma GCC unroll 2
		for (int64_t c = 0; c < n; c++, w += width) {
			__m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + 8);
#pragma GCC unroll 6
			for (int i = 0; i < m; i++) {
				__m256 x = _mm256_broadcast_ss(&r[i][c]);
				s[i][0] = _mm256_fmadd_ps(x, w0, s[i][0]);
				s[i][1] = _mm256_fmadd_ps(x, w1, s[i][1]);
			}
		}
	}
#pragma GCC unroll 6
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) _mm256_store_ps(o + i * ldo + 8 * v, s[i][v]);
}

// Sixteen registers hold 6 outputs by 16 channels: a group is 6 + 6 + 4.
#define SUMS(fixed) \
	TARGET static void sums_##fixed(float *o, int64_t ldo, const char *rows, const uint32_t *off, int channels, const float *w, \
	                                int64_t width, bool accumulate) { \
		sums(6, 0, fixed, o, ldo, rows, off, channels, w, width, accumulate); \
		sums(6, 6, fixed, o, ldo, rows, off, channels, w, width, accumulate); \
		sums(4, 12, fixed, o, ldo, rows, off, channels, w, width, accumulate); \
	}
SUMS(0) SUMS(1) SUMS(2) SUMS(3) SUMS(4)

static void gemm(float *o, int64_t ldo, const float *rows, const uint32_t *off, int channels, const float *w, int width,
                 bool accumulate) {
	static void (*const by_channels[5])(float *, int64_t, const char *, const uint32_t *, int, const float *, int64_t, bool) = {
	    sums_0, sums_1, sums_2, sums_3, sums_4};
	for (int v = 0; v < width; v += 16)
		by_channels[channels <= 4 ? channels : 0](o + v, ldo, (const char *)rows, off, channels, w + v, width, accumulate);
}

TARGET static void finish(float *y, int64_t plane, int64_t n, const float *o, int64_t ldo, int channels, const float *bias,
                          const float *scale, bool stream) {
	for (int c = 0; c < channels; c += 8)
		for (int64_t q = 0; q < n; q += 8) {
			__m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n - q)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
			__m256 s = scale != NULL ? _mm256_maskload_ps(scale + q, lanes) : _mm256_set1_ps(1), r[8];
#pragma GCC unroll 8
			for (int i = 0; i < 8; i++) r[i] = _mm256_load_ps(o + (q + i) * ldo + c);
			transpose(r);
#pragma GCC unroll 8
			for (int i = 0; i < 8; i++) {
				if (c + i >= channels) break;
				__m256 v = _mm256_fmadd_ps(r[i], s, _mm256_set1_ps(bias[c + i]));
				float *to = y + (c + i) * plane + q;
				if (stream)
					_mm256_stream_ps(to, v);
				else if (n - q >= 8)
					_mm256_storeu_ps(to, v);
				else
					_mm256_maskstore_ps(to, lanes, v);
			}
		}
}

static void fence(void) { _mm_sfence(); }

const path conv_avx2 = {load, offsets, gemm, finish, fence, conv_end_avx2};
#endif
