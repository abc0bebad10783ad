//go:build cgo && !purego

#include "internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
// Functions of this kind are templates: their constant arguments become constants of the code.
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

TEMPLATE __mmask16 first_lanes(int64_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

// Transposes 16 x 16.
TEMPLATE void transpose(__m512 *r) {
	__m512 t[16];
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++) {
		t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
		t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
#pragma GCC unroll 2
		for (int h = 0; h < 2; h++) {
			__m512d a = _mm512_castps_pd(t[4 * i + h]), b = _mm512_castps_pd(t[4 * i + 2 + h]);
			r[4 * i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
			r[4 * i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
		}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++) { // pairs of 128-bit quarters: even ones below, odd ones above
		int at = i / 4 * 8 + i % 4;
		t[at] = _mm512_shuffle_f32x4(r[at], r[at + 4], 0x88);
		t[at + 4] = _mm512_shuffle_f32x4(r[at], r[at + 4], 0xdd);
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++) {
		r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
	}
}

// The lanes of 16 pixels from i on that exist and are valid.
TEMPLATE __mmask16 readable(int64_t i, int64_t pixels, const uint8_t *mask) {
	__mmask16 m = first_lanes(pixels - i);
	if (mask == NULL) return m;
	__m128i v = _mm_maskz_loadu_epi8(m, mask + i);
	return _mm_test_epi8_mask(v, v);
}

// One to four channels: a row is shorter than a vector, so rows are interleaved by permutations.
TARGET static void load_few(float *rows, const float *x, int64_t plane, int channels, int64_t pixels, const uint8_t *mask) {
	__m512i pixel[4];
	__mmask16 from[4][4];
	for (int j = 0; j < channels; j++) { // element e of vector j is channel (16j+e) % channels of pixel (16j+e) / channels
		__m512i at = _mm512_add_epi32(_mm512_set1_epi32(16 * j), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
		__m512i n = _mm512_set1_epi32(channels);
		pixel[j] = _mm512_srli_epi32(_mm512_mullo_epi32(at, _mm512_set1_epi32(65536 / channels + 1)), 16);
		__m512i channel = _mm512_sub_epi32(at, _mm512_mullo_epi32(pixel[j], n));
		for (int c = 0; c < channels; c++) from[j][c] = _mm512_cmpeq_epi32_mask(channel, _mm512_set1_epi32(c));
	}
	for (int64_t i = 0; i < pixels; i += 16) {
		__mmask16 m = readable(i, pixels, mask);
		__m512 r[4];
		for (int c = 0; c < channels; c++) r[c] = _mm512_maskz_loadu_ps(m, x + c * plane + i);
		for (int j = 0; j < channels; j++) {
			__m512 v = _mm512_setzero_ps();
			for (int c = 0; c < channels; c++) v = _mm512_mask_permutexvar_ps(v, from[j][c], pixel[j], r[c]);
			_mm512_mask_storeu_ps(rows + i * channels + 16 * j, first_lanes((pixels - i) * channels - 16 * j < 0 ? 0 : (pixels - i) * channels - 16 * j), v);
		}
	}
}

TEMPLATE void load16(float *rows, const float *x, int64_t plane, int channels, int n, int64_t pixels, const uint8_t *mask,
                     const bool whole) {
	for (int64_t i = 0; i < pixels; i += 16) {
		__mmask16 m = whole ? 0xffff : readable(i, pixels, mask);
		__m512 r[16];
#pragma GCC unroll 16
		for (int c = 0; c < 16; c++)
			r[c] = whole    ? _mm512_loadu_ps(x + c * plane + i)
			       : c < n ? _mm512_maskz_loadu_ps(m, x + c * plane + i)
			               : _mm512_setzero_ps();
		transpose(r);
		int64_t left = pixels - i;
		__mmask16 lanes = first_lanes(n);
#pragma GCC unroll 16
		for (int p = 0; p < 16; p++) {
			if (whole)
				_mm512_storeu_ps(rows + (i + p) * channels, r[p]);
			else if (p < left)
				_mm512_mask_storeu_ps(rows + (i + p) * channels, lanes, r[p]);
		}
	}
}

TARGET static void load(float *rows, const float *x, int64_t plane, int channels, int64_t pixels, const uint8_t *mask) {
	if (channels <= 4) {
		load_few(rows, x, plane, channels, pixels, mask);
		return;
	}
	for (int c = 0; c < channels; c += 16, rows += 16, x += 16 * plane) {
		int n = channels - c < 16 ? channels - c : 16;
		int64_t whole = n == 16 && mask == NULL ? pixels / 16 * 16 : 0;
		load16(rows, x, plane, channels, 16, whole, NULL, true);
		load16(rows + whole * channels, x + whole, plane, channels, n, pixels - whole, mask, false);
	}
}

TARGET static void offsets(uint32_t *off, const uint16_t *row, uint32_t stride) {
	__m512i s = _mm512_set1_epi32((int)stride);
	for (int i = 0; i < GROUP_ENTRIES; i += 16)
		_mm512_store_si512(off + i, _mm512_mullo_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(row + i))), s));
}

// m outputs by nv vectors of channels, m * nv = 16 sums in registers. channels is a constant if fixed is not 0.
TEMPLATE void sums(const int m, const int nv, const int fixed, float *o, int64_t ldo, const char *rows, const uint32_t *off,
                   int channels, const float *w, bool accumulate) {
	const int64_t n = fixed ? fixed : channels;
	__m512 s[16][2];
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) s[i][v] = accumulate ? _mm512_load_ps(o + i * ldo + 16 * v) : _mm512_setzero_ps();
	for (int k = 0; k < TAPS; k++, off += HALF) {
		const float *r[16];
#pragma GCC unroll 16
		for (int i = 0; i < m; i++) r[i] = (const float *)(rows + off[i / HALF * HALF * TAPS + i % HALF]);
#pragma GCC unroll 4
		for (int64_t c = 0; c < n; c++, w += 16 * nv) {
			__m512 b[2];
#pragma GCC unroll 2
			for (int v = 0; v < nv; v++) b[v] = _mm512_load_ps(w + 16 * v);
#pragma GCC unroll 16
			for (int i = 0; i < m; i++) {
				__m512 x = _mm512_set1_ps(r[i][c]);
#pragma GCC unroll 2
				for (int v = 0; v < nv; v++) s[i][v] = _mm512_fmadd_ps(x, b[v], s[i][v]);
			}
		}
	}
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int v = 0; v < nv; v++) _mm512_store_ps(o + i * ldo + 16 * v, s[i][v]);
}

typedef void (*sums_fn)(float *o, int64_t ldo, const char *rows, const uint32_t *off, int channels, const float *w,
                        bool accumulate);

#define SUMS(m, nv, fixed) \
	TARGET static void sums_##m##_##nv##_##fixed(float *o, int64_t ldo, const char *rows, const uint32_t *off, int channels, \
	                                             const float *w, bool accumulate) { \
		sums(m, nv, fixed, o, ldo, rows, off, channels, w, accumulate); \
	}
SUMS(8, 2, 0) SUMS(8, 2, 1) SUMS(8, 2, 2) SUMS(8, 2, 3) SUMS(8, 2, 4)
SUMS(16, 1, 0) SUMS(16, 1, 1) SUMS(16, 1, 2) SUMS(16, 1, 3) SUMS(16, 1, 4)

static const sums_fn wide[5] = {sums_8_2_0, sums_8_2_1, sums_8_2_2, sums_8_2_3, sums_8_2_4};
static const sums_fn narrow[5] = {sums_16_1_0, sums_16_1_1, sums_16_1_2, sums_16_1_3, sums_16_1_4};

static void gemm(float *o, int64_t ldo, const float *rows, const uint32_t *off, int channels, const float *w, int width,
                 bool accumulate) {
	int fixed = channels <= 4 ? channels : 0;
	if (width == GROUP) {
		narrow[fixed](o, ldo, (const char *)rows, off, channels, w, accumulate);
		return;
	}
	wide[fixed](o, ldo, (const char *)rows, off, channels, w, accumulate);
	wide[fixed](o + HALF * ldo, ldo, (const char *)rows, off + HALF * TAPS, channels, w, accumulate);
}

// Transposes a batch of 16 channels and puts channel i of output q at to + i * plane + q.
TEMPLATE void put_batch(float *to, int64_t plane, int64_t n, const float *o, int64_t ldo, int channels, const float *bias,
                        const float *scale, const bool stream, const bool whole) {
	for (int64_t q = 0; q < n; q += GROUP) {
		__m512 s = scale != NULL ? _mm512_maskz_loadu_ps(first_lanes(n - q), scale + q) : _mm512_set1_ps(1), r[16];
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) r[i] = _mm512_load_ps(o + (q + i) * ldo);
		transpose(r);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			if (!whole && i >= channels) break;
			__m512 v = _mm512_fmadd_ps(r[i], s, _mm512_set1_ps(bias[i]));
			if (stream)
				_mm512_stream_ps(to + i * plane + q, v);
			else
				_mm512_store_ps(to + i * plane + q, v);
		}
	}
}

// Channels that stand a power of two apart fall on the same lines of the first-level cache. So a batch is transposed beside the
// output first, and each channel's lines then go out together; but for streamed stores, which pass the cache.
TARGET static void finish(float *y, int64_t plane, int64_t n, const float *o, int64_t ldo, int channels, const float *bias,
                          const float *scale, bool stream) {
	float held[16][BATCH] __attribute__((aligned(64)));
	for (int c = 0; c < channels; c += 16, y += 16 * plane, o += 16, bias += 16) {
		int left = channels - c < 16 ? channels - c : 16;
		if (stream && left == 16)
			put_batch(y, plane, n, o, ldo, 16, bias, scale, true, true);
		else if (stream)
			put_batch(y, plane, n, o, ldo, left, bias, scale, true, false);
		else
			put_batch(held[0], BATCH, n, o, ldo, 16, bias, scale, false, true);
		for (int i = 0; !stream && i < left; i++) {
			float *to = y + i * plane;
			int64_t q = 0;
			for (; q + GROUP <= n; q += GROUP) _mm512_storeu_ps(to + q, _mm512_load_ps(held[i] + q));
			if (q < n) _mm512_mask_storeu_ps(to + q, first_lanes(n - q), _mm512_load_ps(held[i] + q));
		}
	}
}

static void fence(void) { _mm_sfence(); }

const path conv_avx512 = {load, offsets, gemm, finish, fence, conv_end_avx512};
#endif
