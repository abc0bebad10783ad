//go:build cgo && !purego && (linux || darwin)

// HealpixConv over the kernel of internal/kernel/c. The policies for missing, outside and masked pixels become a table of what
// each tap reads, and a scale; healpixop's HealpixConv says what they mean.

#include "customop.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { in_x, in_w, in_b, in_index, in_mask, in_pixels, inputs };
enum { taps = ASTRONNX_CONV_TAPS, chunk = 1 << 14 };

// layer is what depends on W, B, index and pixels. It is counted: a run keeps the one it began with.
typedef struct {
	atomic_int users;
	ax_table *table;
	astronnx_conv_weights *weights;
	int64_t co, ci;
	// Copies of what it was made of, where that may change from run to run.
	void *copy[inputs];
	size_t copied[inputs];
	int64_t p_in;
} layer;

typedef struct {
	ax_conv_spec spec;
	astronnx_conv_ending ending;
	int mask_renorm, detect, threads;
	float unseen;
	layer *fixed; // where all is constant
	pthread_mutex_t lock;
	layer *last; // otherwise
} kernel;

static void layer_drop(layer *l) {
	if (!l || atomic_fetch_sub(&l->users, 1) != 1) return;
	if (l->table) astronnxConvTableFree(l->table->id);
	ax_conv->weights_free(l->weights);
	for (int i = 0; i < inputs; i++) free(l->copy[i]);
	free(l);
}

static OrtStatus *conv_status(int s) { return s ? bad("HealpixConv: %s", ax_conv->message(s)) : NULL; }

static OrtStatus *check_weights(const tensor *w, const tensor *b) {
	if (w->rank != 3 || w->dims[2] != taps) return bad("HealpixConv: W must be (Co, Ci, 9)");
	if (b->value && (b->rank != 1 || b->dims[0] != w->dims[0]))
		return bad("HealpixConv: B must have %lld elements, one for each output channel of W", (long long)w->dims[0]);
	return NULL;
}

// new_weights packs W with its taps in lattice order.
static OrtStatus *new_weights(layer *l, const tensor *w, const tensor *b) {
	const float *from = w->data;
	const int64_t n = l->co * l->ci;
	float *to = malloc((size_t)n * taps * sizeof *to + 1);
	if (!to) return bad("HealpixConv: out of memory");
	for (int64_t i = 0; i < n; i++)
		for (int t = 0; t < taps; t++) to[i * taps + t] = from[i * taps + l->table->columns[t]];
	int status = ax_conv->weights_new(l->co, l->ci, to, b->data, &l->weights);
	free(to);
	return conv_status(status);
}

static OrtStatus *layer_new(kernel *k, const tensor *w, const tensor *b, const tensor *index, const tensor *pixels, int64_t p_in,
                            layer **out) {
	TRY(check_weights(w, b));
	if (index->value && (index->rank != 2 || index->dims[1] != taps)) return bad("HealpixConv: index must be (P_out, 9)");
	if (pixels->value && pixels->rank != 1) return bad("HealpixConv: pixels must be a vector");
	layer *l = calloc(1, sizeof *l);
	if (!l) return bad("HealpixConv: out of memory");
	atomic_init(&l->users, 1);
	l->co = w->dims[0], l->ci = w->dims[1], l->p_in = p_in;
	OrtStatus *s = own_text(astronnxConvTable(&k->spec, (int64_t *)index->data, index->value ? index->dims[0] : 0,
	                                          (int64_t *)pixels->data, pixels->value ? pixels->dims[0] : 0, p_in, &l->table));
	if (!s) s = new_weights(l, w, b);
	if (s) {
		layer_drop(l);
		return s;
	}
	*out = l;
	return NULL;
}

// remember copies an input, so that same can tell whether a later run has the same.
static int remember(layer *l, int i, const tensor *t, size_t size) {
	if (!t->value) return 1;
	l->copied[i] = (size_t)elements(t) * size;
	l->copy[i] = malloc(l->copied[i] + 1);
	if (l->copy[i]) memcpy(l->copy[i], t->data, l->copied[i]);
	return l->copy[i] != NULL;
}

static int same(const layer *l, int i, const tensor *t, size_t size) {
	if (!t->value) return l->copy[i] == NULL;
	size_t bytes = (size_t)elements(t) * size;
	return l->copy[i] && l->copied[i] == bytes && memcmp(l->copy[i], t->data, bytes) == 0;
}

// layer_for returns the layer for the inputs of a run, with one more user.
static OrtStatus *layer_for(kernel *k, const tensor *w, const tensor *b, const tensor *index, const tensor *pixels, int64_t p_in,
                            layer **out) {
	if (k->fixed) {
		atomic_fetch_add(&k->fixed->users, 1);
		*out = k->fixed;
		return NULL;
	}
	OrtStatus *s = NULL;
	pthread_mutex_lock(&k->lock);
	layer *l = k->last;
	if (!l || l->p_in != p_in || w->rank != 3 || l->co != w->dims[0] || l->ci != w->dims[1] || !same(l, in_w, w, 4) ||
	    !same(l, in_b, b, 4) || !same(l, in_index, index, 8) || !same(l, in_pixels, pixels, 8)) {
		s = layer_new(k, w, b, index, pixels, p_in, &l);
		if (!s && !(remember(l, in_w, w, 4) && remember(l, in_b, b, 4) && remember(l, in_index, index, 8) &&
		            remember(l, in_pixels, pixels, 8))) {
			layer_drop(l);
			s = bad("HealpixConv: out of memory");
		}
		if (!s) {
			layer_drop(k->last);
			k->last = l;
		}
	}
	if (!s) {
		atomic_fetch_add(&l->users, 1);
		*out = l;
	}
	pthread_mutex_unlock(&k->lock);
	return s;
}

static void destroy(void *p) {
	kernel *k = p;
	layer_drop(k->fixed);
	layer_drop(k->last);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

OrtStatus *read_conv_spec(const OrtKernelInfo *info, ax_conv_spec *spec) {
	static const struct {
		const char *name;
		int64_t only;
	} fixed[] = {{"kernel", 3}, {"dilation", 1}, {"stride", 1}, {"group", 1}};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (int_attribute(info, fixed[i].name, fixed[i].only) != fixed[i].only)
			return bad("HealpixConv: %s must be %lld", fixed[i].name, (long long)fixed[i].only);
	spec->nside = int_attribute(info, "nside", 0);
	spec->spin_pairs = int_attribute(info, "spin_pairs", 0);
	TRY(text_attribute(info, "polcconv", "COSMO", spec->polcconv, sizeof spec->polcconv));
	TRY(text_attribute(info, "order", "NEST", spec->order, sizeof spec->order));
	TRY(text_attribute(info, "tap_order", "lattice", spec->tap_order, sizeof spec->tap_order));
	TRY(text_attribute(info, "missing", "zero", spec->missing, sizeof spec->missing));
	return text_attribute(info, "outside", "zero", spec->outside, sizeof spec->outside);
}

// read_ending reads what fuse.go has put in: the nodes behind.
static OrtStatus *read_ending(const OrtKernelInfo *info, astronnx_conv_ending *e) {
	char activation[16], pool[16];
	TRY(text_attribute(info, "activation", "", activation, sizeof activation));
	TRY(text_attribute(info, "pool", "", pool, sizeof pool));
	e->relu = strcmp(activation, "Relu") == 0;
	if (!*pool) return NULL;
	e->pool = strcmp(pool, "max") == 0 ? ASTRONNX_CONV_MAX4 : ASTRONNX_CONV_SUM4;
	e->factor = pow(2, -float_attribute(info, "power", 0)) / (strcmp(pool, "avg") == 0 ? 4 : 1);
	return NULL;
}

static OrtStatus *attributes(kernel *k, const OrtKernelInfo *info) {
	char mode[16];
	TRY(read_conv_spec(info, &k->spec));
	TRY(text_attribute(info, "mask_mode", "zero", mode, sizeof mode));
	k->mask_renorm = strcmp(mode, "renorm") == 0;
	if (!k->mask_renorm && strcmp(mode, "zero") != 0) return bad("HealpixConv: mask_mode is \"%s\": expected zero or renorm", mode);
	k->detect = int_attribute(info, "detect_unseen", 0) != 0;
	k->unseen = float_attribute(info, "unseen", -1.6375e30f);
	k->threads = intra_threads(info);
	TRY(read_ending(info, &k->ending));
	k->spec.pooled = k->ending.pool != 0;
	return NULL;
}

// masks tells whether runs will ask what windows read.
static OrtStatus *masks(kernel *k, const OrtKernelInfo *info) {
	size_t in, out;
	TRY(ORT(KernelInfo_GetInputCount)(info, &in));
	TRY(ORT(KernelInfo_GetOutputCount)(info, &out));
	k->spec.masks = k->detect || in > in_mask || out > 1;
	return NULL;
}

// constants makes the layer at creation if W, B, index and pixels are constant and tell the number of pixels.
static OrtStatus *constants(kernel *k, const OrtKernelInfo *info) {
	tensor w, b, index, pixels;
	int cw, cb, ci, cp;
	size_t n;
	TRY(ORT(KernelInfo_GetInputCount)(info, &n));
	TRY(constant_tensor(info, in_w, n, &cw, &w));
	TRY(constant_tensor(info, in_b, n, &cb, &b));
	TRY(constant_tensor(info, in_index, n, &ci, &index));
	TRY(constant_tensor(info, in_pixels, n, &cp, &pixels));
	if (!cw || !cb || !ci || !cp || !w.value) return NULL;
	int64_t p_in = pixels.value ? elements(&pixels) : 12 * k->spec.nside * k->spec.nside;
	return layer_new(k, &w, &b, &index, &pixels, p_in, &k->fixed);
}

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	(void)op, (void)api;
	kernel *k = calloc(1, sizeof *k);
	if (!k) return bad("HealpixConv: out of memory");
	pthread_mutex_init(&k->lock, NULL);
	OrtStatus *s = attributes(k, info);
	if (!s) s = masks(k, info);
	if (!s) s = constants(k, info);
	if (s) {
		destroy(k);
		return s;
	}
	*out = k;
	return NULL;
}

// ---- validity of pixels

typedef struct {
	const float *x;
	const uint8_t *mask;
	uint8_t *valid;
	int64_t n, ci, p, chunks;
	int mask_per_map;
	float unseen;
} detect_job;

// A pixel is valid where the mask has it and every channel has a value: neither NaN nor within 1e-5 of unseen.
static void detect_item(void *user, size_t item) {
	detect_job *j = user;
	int64_t map = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	int64_t last = first + chunk < j->p ? first + chunk : j->p;
	uint8_t *valid = j->valid + map * j->p;
	const uint8_t *mask = j->mask ? j->mask + (j->mask_per_map ? map * j->p : 0) : NULL;
	const double unseen = j->unseen, bound = 1e-5 * fabs(unseen) + 1e-8;
	for (int64_t p = first; p < last; p++) valid[p] = mask ? mask[p] != 0 : 1;
	for (int64_t c = 0; c < j->ci; c++) {
		const float *x = j->x + (map * j->ci + c) * j->p;
		for (int64_t p = first; p < last; p++) valid[p] &= fabs((double)x[p] - unseen) > bound; // false for NaN
	}
}

// ---- what masks do to windows

typedef struct {
	const ax_table *t;
	const uint8_t *valid; // NULL: all
	float *scale;         // NULL: not wanted
	uint8_t *any;         // NULL: not wanted
	int64_t maps, chunks;
	int renorm;
} window_job;

static const astronnx_conv_fill *fill_at(const ax_table *t, int64_t pixel, int tap) {
	for (int64_t i = 0; i < t->n_fills; i++)
		if (t->fills[i].pixel == pixel && t->fills[i].tap == tap) return &t->fills[i];
	return NULL;
}

static int half_at(const ax_table *t, int64_t pixel, int tap) {
	for (int64_t i = 0; i < t->n_halves; i++)
		if (t->halves[i].pixel == pixel && t->halves[i].tap == tap) return 1;
	return 0;
}

static int special(const ax_table *t, int64_t p) {
	for (int64_t i = 0; i < t->n_fills; i++)
		if (t->fills[i].pixel == p) return 1;
	for (int64_t i = 0; i < t->n_halves; i++)
		if (t->halves[i].pixel == p) return 1;
	return 0;
}

static void window_item(void *user, size_t item) {
	window_job *j = user;
	const ax_table *t = j->t;
	int64_t map = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	int64_t last = first + chunk < t->p_out ? first + chunk : t->p_out;
	const uint8_t *valid = j->valid ? j->valid + map * t->p_in : NULL;
	for (int64_t p = first; p < last; p++) {
		const int32_t *e = t->entries + p * taps;
		int left = 0, any = 0;
		for (int k = 0; k < taps; k++) {
			int ok = e[k] >= 0 && (!valid || valid[e[k]]);
			any |= ok;
			left += ok || e[k] == -1 || (e[k] >= 0 && !j->renorm);
		}
		// At the few taps that read two pixels, one of them is enough.
		if ((t->n_fills || t->n_halves) && left < taps + !any && special(t, p)) {
			for (int k = 0; k < taps; k++) {
				if (e[k] < 0 || !valid || valid[e[k]]) continue;
				const astronnx_conv_fill *f = fill_at(t, p, k);
				int other = f && valid[f->a == e[k] ? f->b : f->a];
				any |= other;
				left += j->renorm && (other || half_at(t, p, k));
			}
		}
		if (j->scale) j->scale[map * t->p_out + p] = left ? (float)taps / (float)left : 0;
		if (j->any) j->any[map * t->p_out + p] = (uint8_t)any;
	}
}

// Takes back half of the taps that read half of one pixel and half of nothing: at most 24, at the border of a partial sky.
static void correct_halves(const layer *l, const tensor *x, const tensor *w, const astronnx_conv_args *a) {
	const ax_table *t = l->table;
	const float *weights = w->data, *in = x->data;
	for (int64_t i = 0; i < t->n_halves; i++) {
		const ax_half *h = &t->halves[i];
		for (int64_t n = 0; n < a->n; n++) {
			if (a->mask && !a->mask[(a->mask_per_map ? n * t->p_in : 0) + h->a]) continue;
			float s = a->scale ? a->scale[(a->scale_per_map ? n * t->p_out : 0) + h->pixel] : 1;
			for (int64_t o = 0; o < l->co; o++) {
				double sum = 0;
				for (int64_t c = 0; c < l->ci; c++)
					sum += (double)weights[(o * l->ci + c) * taps + t->columns[h->tap]] * in[(n * l->ci + c) * t->p_in + h->a];
				a->y[(n * l->co + o) * t->p_out + h->pixel] -= (float)(0.5 * s * sum);
			}
		}
	}
}

typedef struct {
	tensor x, w, b, index, mask, pixels;
	layer *layer;
	uint8_t *valid;
	float *scale;
} run;

static OrtStatus *check_inputs(const kernel *k, const run *r) {
	const tensor *x = &r->x, *m = &r->mask;
	if (x->rank != 3) return bad("HealpixConv: X must be (N, C, P), got rank %zu", x->rank);
	if (r->w.rank == 3 && r->w.dims[1] != x->dims[1])
		return bad("HealpixConv: X has %lld channels, W takes %lld", (long long)x->dims[1], (long long)r->w.dims[1]);
	if (x->dims[1] < 2 * k->spec.spin_pairs)
		return bad("HealpixConv: X has %lld channels, fewer than the Q and U of its pairs", (long long)x->dims[1]);
	if (!m->value) return NULL;
	int ok = m->rank == 1 ? m->dims[0] == x->dims[2]
	                      : m->rank == 3 && m->dims[0] == x->dims[0] && m->dims[1] == 1 && m->dims[2] == x->dims[2];
	return ok ? NULL : bad("HealpixConv: mask must be (P) or (N, 1, P) with the N and P of X");
}

static OrtStatus *outputs(OrtKernelContext *ctx, run *r, const kernel *k, float **y, uint8_t **any, int *per_map) {
	const ax_table *t = r->layer->table;
	OrtValue *v = NULL;
	size_t n = 0;
	void *data;
	int64_t dims[3] = {r->x.dims[0], r->layer->co, t->p_out / (k->ending.pool ? 4 : 1)};
	TRY(ORT(KernelContext_GetOutput)(ctx, 0, dims, 3, &v));
	TRY(ORT(GetTensorMutableData)(v, &data));
	*y = data, *any = NULL;
	*per_map = k->detect || (r->mask.value && r->mask.rank == 3);
	TRY(ORT(KernelContext_GetOutputCount)(ctx, &n));
	if (n < 2) return NULL;
	dims[1] = 1;
	v = NULL;
	TRY(ORT(KernelContext_GetOutput)(ctx, 1, *per_map ? dims : dims + 2, *per_map ? 3 : 1, &v));
	if (!v) return NULL;
	TRY(ORT(GetTensorMutableData)(v, &data));
	*any = data;
	return NULL;
}

static OrtStatus *convolve(const kernel *k, run *r, OrtKernelContext *ctx) {
	const ax_table *t = r->layer->table;
	float *y;
	uint8_t *any;
	int per_map;
	if (t->p_in != r->x.dims[2])
		return bad("HealpixConv: the map has %lld pixels, expected %lld", (long long)r->x.dims[2], (long long)t->p_in);
	TRY(outputs(ctx, r, k, &y, &any, &per_map));
	const int64_t n = r->x.dims[0];
	astronnx_conv_args a = {
		.n = n, .x = r->x.data, .y = y, .ending = k->ending, .mask = r->mask.data, .mask_per_map = per_map, .scale = t->scale,
		.fill_valid_mean = k->mask_renorm, .threads = k->threads, .parallel_for = parallel, .ctx = ctx,
	};
	if (k->detect && n) {
		if (!(r->valid = malloc((size_t)(n * t->p_in) + 1))) return bad("HealpixConv: out of memory");
		detect_job j = {r->x.data, r->mask.data, r->valid, n, r->layer->ci, t->p_in, (t->p_in + chunk - 1) / chunk,
		                r->mask.rank == 3, k->unseen};
		parallel(ctx, detect_item, (size_t)(n * j.chunks), &j);
		a.mask = r->valid;
	}
	int64_t maps = per_map ? n : 1;
	int rescale = a.mask && k->mask_renorm;
	if (rescale && !(r->scale = malloc((size_t)(maps * t->p_out) * sizeof(float) + 1))) return bad("HealpixConv: out of memory");
	if ((rescale || any) && maps) {
		window_job j = {t, a.mask, r->scale, any, maps, (t->p_out + chunk - 1) / chunk, k->mask_renorm};
		parallel(ctx, window_item, (size_t)(maps * j.chunks), &j);
	}
	if (rescale) a.scale = r->scale, a.scale_per_map = per_map;
	if (n) TRY(conv_status(ax_conv->run(t->geom, r->layer->weights, &a)));
	correct_halves(r->layer, &r->x, &r->w, &a);
	return NULL;
}

static OrtStatus *compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	run r = {0};
	size_t n;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	tensor *all[inputs] = {&r.x, &r.w, &r.b, &r.index, &r.mask, &r.pixels};
	for (size_t i = 0; i < inputs; i++) TRY(input_tensor(ctx, i, n, all[i]));
	TRY(check_inputs(k, &r));
	TRY(layer_for(k, &r.w, &r.b, &r.index, &r.pixels, r.x.dims[2], &r.layer));
	OrtStatus *s = convolve(k, &r, ctx);
	layer_drop(r.layer);
	free(r.valid);
	free(r.scale);
	return s;
}

static OrtStatus *infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of y, w, index;
	input_shape(ctx, in_x, &y);
	input_shape(ctx, in_w, &w);
	input_shape(ctx, in_index, &index);
	if (y.rank != 3 || w.rank != 3) return NULL;
	y.dims[1] = w.dims[0], y.names[1] = w.names[0];
	if (index.rank == 2) y.dims[2] = index.dims[0], y.names[2] = index.names[0];
	// Only a convolution of the whole sphere has a pool.
	const int64_t nside = int_attribute_of(ctx, "nside", 0);
	if (int_attribute_of(ctx, "pooled", 0)) y.dims[2] = 3 * nside * nside, y.names[2] = NULL;
	return set_output_shape(ctx, 0, &y);
}

static const char *name(const OrtCustomOp *op) { return (void)op, "HealpixConv"; }
static size_t input_count(const OrtCustomOp *op) { return (void)op, inputs; }
static size_t output_count(const OrtCustomOp *op) { return (void)op, 2; }

static int input_type(const OrtCustomOp *op, size_t i) {
	(void)op;
	return i <= in_b ? type_float : i == in_mask ? type_bool : type_int64;
}

static int output_type(const OrtCustomOp *op, size_t i) { return (void)op, i == 0 ? type_float : type_bool; }
static int input_need(const OrtCustomOp *op, size_t i) { return (void)op, i <= in_w ? required : optional; }
static int output_need(const OrtCustomOp *op, size_t i) { return (void)op, i == 0 ? required : optional; }

OrtCustomOp ax_conv_op = {
	.version = ORT_CUSTOM_OP_VERSION,
	.GetName = name,
	.GetExecutionProviderType = cpu_provider,
	.GetInputType = input_type,
	.GetInputTypeCount = input_count,
	.GetOutputType = output_type,
	.GetOutputTypeCount = output_count,
	.GetInputCharacteristic = input_need,
	.GetOutputCharacteristic = output_need,
	.GetInputMemoryType = default_memory,
	.KernelDestroy = destroy,
	.CreateKernelV2 = create,
	.KernelComputeV2 = compute,
	.InferOutputShapeFn = infer,
	.GetStartVersion = first_version,
	.GetEndVersion = last_version,
};
