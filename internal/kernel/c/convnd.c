//go:build cgo && !purego

#include "convnd_internal.h"

static bool product(int64_t a, int64_t b, const int64_t v[3]) {
	int64_t p;
	if (__builtin_mul_overflow(a, b, &p)) return false;
	for (int i = 0; i < 3; i++)
		if (__builtin_mul_overflow(p, v[i], &p)) return false;
	return p < (int64_t)1 << 40;
}

static bool sound(const astronnx_convnd_shape *s) {
	enum { MOST = 1 << 28 };
	if (s->n < 0 || s->ci < 1 || s->co < 1) return false;
	for (int i = 0; i < 3; i++)
		if (s->in[i] < 1 || s->in[i] > MOST || s->out[i] < 1 || s->out[i] > MOST || s->kernel[i] < 1 || s->kernel[i] > MOST ||
		    s->stride[i] < 1 || s->stride[i] > MOST || s->pad[i] < 0 || s->pad[i] > MOST)
			return false;
	const int64_t co = ceil_div(s->co, ND_MAX_WIDTH) * ND_MAX_WIDTH, ci = ceil_div(s->ci, ND_MAX_WIDTH) * ND_MAX_WIDTH;
	return product(s->n, s->ci, s->in) && product(s->n, s->co, s->out) && product(co, ci, s->kernel) && product(1, 1, s->stride);
}

static size_t scratch_bytes(const astronnx_convnd_shape *s, int op) {
	if (!sound(s)) return SIZE_MAX;
	return op == ASTRONNX_CONVND_GRAD_WEIGHT ? 64 : nd_sums_scratch(s, op);
}

void nd_parallel(const nd_call *c, void (*fn)(void *, size_t), int64_t total, void *usr) {
	if (c->a->parallel_for != NULL && total > 1)
		c->a->parallel_for(c->a->ctx, fn, (size_t)total, usr);
	else
		for (int64_t i = 0; i < total; i++) fn(usr, (size_t)i);
}

static const nd_path *path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &nd_avx512;
	if (p == &conv_avx2) return &nd_avx2;
#endif
	return p == NULL ? NULL : &nd_portable;
}

static int run(const astronnx_convnd_shape *s, const astronnx_convnd_args *a) {
	if (s == NULL || a == NULL || a->op < ASTRONNX_CONVND_FORWARD || a->op > ASTRONNX_CONVND_GRAD_WEIGHT ||
	    a->path < ASTRONNX_CONV_AUTO || a->path > ASTRONNX_CONV_AVX512)
		return ASTRONNX_CONV_BAD_ARGUMENT;
	if (!sound(s)) return ASTRONNX_CONV_BAD_SIZE;
	nd_call c = {s, a, path_of(a->path), a->threads > 1 && a->parallel_for != NULL ? a->threads : 1};
	if (c.path == NULL) return ASTRONNX_CONV_NO_PATH;
	if (s->n == 0 && a->op != ASTRONNX_CONVND_GRAD_WEIGHT) return ASTRONNX_CONV_OK;
	if (a->result == NULL || a->scratch == NULL || (s->n > 0 && (a->a == NULL || a->b == NULL))) return ASTRONNX_CONV_BAD_ARGUMENT;
	return a->op == ASTRONNX_CONVND_GRAD_WEIGHT ? nd_weight(&c) : nd_sums(&c);
}

const astronnx_convnd_api *convnd_table(void) {
	static const astronnx_convnd_api api = {ASTRONNX_CONVND_VERSION, sizeof api, scratch_bytes, run, conv_message};
	return &api;
}
