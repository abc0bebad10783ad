//go:build cgo && !purego

#include "internal.h"

#include <string.h>

// Rows of up to this many channels just fit a tile of 2048 and its halo, with a panel of weights, in a 1 MB second-level cache.
enum { MAX_CI_BLOCK = 96 };

void conv_weights_free(astronnx_conv_weights *w) {
	if (w == NULL) return;
	conv_free(w->packed);
	conv_free(w->bias);
	free(w);
}

int conv_weights_new(int64_t co, int64_t ci, const float *w, const float *bias, astronnx_conv_weights **out) {
	if (w == NULL || out == NULL) return ASTRONNX_CONV_BAD_ARGUMENT;
	*out = NULL;
	int64_t co_padded, size;
	if (co < 1 || ci < 1 || co > INT32_MAX || ci > INT32_MAX) return ASTRONNX_CONV_BAD_SIZE;
	co_padded = ceil_div(co, GROUP) * GROUP;
	if (__builtin_mul_overflow(co_padded * TAPS, ci, &size)) return ASTRONNX_CONV_BAD_SIZE;

	astronnx_conv_weights *p = calloc(1, sizeof *p);
	if (p == NULL) return ASTRONNX_CONV_NO_MEMORY;
	p->co = co;
	p->ci = ci;
	p->co_padded = co_padded;
	p->ci_block = ceil_div(ci, ceil_div(ci, MAX_CI_BLOCK));
	p->packed = conv_alloc(size, sizeof(float));
	p->bias = conv_alloc(co_padded, 2 * sizeof(float));
	if (p->packed == NULL || p->bias == NULL) {
		conv_weights_free(p);
		return ASTRONNX_CONV_NO_MEMORY;
	}
	memset(p->bias, 0, (size_t)co_padded * 2 * sizeof(float));
	if (bias != NULL) memcpy(p->bias, bias, (size_t)co * sizeof(float));

	float *to = p->packed;
	for (int64_t c0 = 0; c0 < ci; c0 += p->ci_block) {
		int64_t c1 = min64(c0 + p->ci_block, ci);
		for (int64_t o0 = 0; o0 < co_padded; o0 += BLOCK) {
			int64_t o1 = min64(o0 + BLOCK, co_padded);
			for (int k = 0; k < TAPS; k++)
				for (int64_t c = c0; c < c1; c++)
					for (int64_t o = o0; o < o1; o++) *to++ = o < co ? w[(o * ci + c) * TAPS + k] : 0;
		}
	}
	*out = p;
	return ASTRONNX_CONV_OK;
}
