//go:build cgo && !purego && (linux || darwin)

// The gradients of HealpixConv in X and in W over the kernels of internal/kernel/c. That in W sums over the table of the convolution
// itself. That in X is a convolution over the table turned round: p stands at tap 8-k of the pixel that p reads at tap k. Where that
// place is taken, along some seams and round holes, or where p reads half of the pixel, the tap becomes one of the extras, which are
// added one by one.

#include "customop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { taps = ASTRONNX_CONV_TAPS };

// sky is what depends on the pixels. It is counted: a run keeps the one it began with.
typedef struct {
	atomic_int users;
	ax_table *table;
	astronnx_conv_geom *back; // NULL for the gradient in W
	astronnx_conv_extra *extras;
	int64_t n_extras, room;
	int64_t p_in, n_pixels;
	int64_t *pixels; // NULL: a full sky
} sky;

typedef struct {
	const char *op;
	ax_conv_spec spec;
	int input, threads; // whether it is the gradient in X
	sky *fixed;         // where the pixels are constant
	pthread_mutex_t lock;
	sky *last; // otherwise
} kernel;

static void sky_drop(sky *s) {
	if (!s || atomic_fetch_sub(&s->users, 1) != 1) return;
	if (s->table) astronnxConvTableFree(s->table->id);
	ax_conv->geom_free(s->back);
	free(s->extras);
	free(s->pixels);
	free(s);
}

static OrtStatus *memory(const kernel *k) { return bad("%s: out of memory", k->op); }

static int add_extra(sky *s, int64_t to, int64_t from, int64_t tap, float factor) {
	if (s->n_extras == s->room) {
		const int64_t room = 2 * s->room + 64;
		astronnx_conv_extra *grown = realloc(s->extras, (size_t)room * sizeof *grown);
		if (!grown) return 0;
		s->extras = grown, s->room = room;
	}
	s->extras[s->n_extras++] = (astronnx_conv_extra){to, from, tap, factor};
	return 1;
}

static const astronnx_conv_fill *fill_at(const ax_table *t, int64_t pixel, int tap) {
	for (int64_t i = 0; i < t->n_fills; i++)
		if (t->fills[i].pixel == pixel && t->fills[i].tap == tap) return &t->fills[i];
	return NULL;
}

// turn_round fills at[p_in][9] and the extras.
static int turn_round(sky *s, int32_t *at) {
	const ax_table *t = s->table;
	for (int64_t i = 0; i < t->p_in * taps; i++) at[i] = -1;
	for (int64_t p = 0; p < t->p_out; p++)
		for (int k = 0; k < taps; k++) {
			const int64_t q = t->entries[p * taps + k];
			const astronnx_conv_fill *f = q < 0 || !t->n_fills ? NULL : fill_at(t, p, k);
			if (f) {
				if (!add_extra(s, f->a, p, k, 0.5f) || !add_extra(s, f->b, p, k, 0.5f)) return 0;
			} else if (q >= 0 && at[q * taps + taps - 1 - k] < 0)
				at[q * taps + taps - 1 - k] = (int32_t)p;
			else if (q >= 0 && !add_extra(s, q, p, k, 1))
				return 0;
		}
	for (int64_t i = 0; i < t->n_halves; i++)
		if (!add_extra(s, t->halves[i].a, t->halves[i].pixel, t->halves[i].tap, -0.5f)) return 0;
	return 1;
}

static OrtStatus *new_back(const kernel *k, sky *s) {
	const ax_table *t = s->table;
	int32_t *at = malloc((size_t)(t->p_in * taps) * sizeof *at + 1);
	OrtStatus *err = at && turn_round(s, at) ? NULL : memory(k);
	if (!err) {
		astronnx_conv_table of = {t->p_out, t->p_in, at, 4, NULL, 0, 0, 0, NULL};
		int status = ax_conv->geom_new(&of, &s->back);
		if (status) err = bad("%s: %s", k->op, ax_conv->message(status));
	}
	free(at);
	return err;
}

static OrtStatus *sky_new(kernel *k, const tensor *pixels, int64_t p_in, sky **out) {
	if (pixels->value && pixels->rank != 1) return bad("%s: pixels must be a vector", k->op);
	sky *s = calloc(1, sizeof *s);
	if (!s) return memory(k);
	atomic_init(&s->users, 1);
	s->p_in = p_in, s->n_pixels = pixels->value ? elements(pixels) : 0;
	OrtStatus *err = NULL;
	if (pixels->value && !(s->pixels = malloc((size_t)s->n_pixels * sizeof *s->pixels + 1))) err = memory(k);
	if (!err && s->pixels) memcpy(s->pixels, pixels->data, (size_t)s->n_pixels * sizeof *s->pixels);
	if (!err) err = own_text(astronnxConvTable(&k->spec, NULL, 0, s->pixels, s->n_pixels, p_in, &s->table));
	if (!err && k->input) err = new_back(k, s);
	if (err) {
		sky_drop(s);
		return err;
	}
	*out = s;
	return NULL;
}

static int same(const sky *s, const tensor *pixels, int64_t p_in) {
	if (s->p_in != p_in || (s->pixels != NULL) != (pixels->value != NULL)) return 0;
	return !s->pixels || (s->n_pixels == elements(pixels) && !memcmp(s->pixels, pixels->data, (size_t)s->n_pixels * sizeof *s->pixels));
}

// sky_for returns the sky of a run, with one more user.
static OrtStatus *sky_for(kernel *k, const tensor *pixels, int64_t p_in, sky **out) {
	OrtStatus *err = NULL;
	pthread_mutex_lock(&k->lock);
	sky *s = k->fixed ? k->fixed : k->last;
	if (!s || (!k->fixed && !same(s, pixels, p_in))) {
		err = sky_new(k, pixels, p_in, &s);
		if (!err) {
			sky_drop(k->last);
			k->last = s;
		}
	}
	if (!err) {
		atomic_fetch_add(&s->users, 1);
		*out = s;
	}
	pthread_mutex_unlock(&k->lock);
	return err;
}

static void destroy(void *p) {
	kernel *k = p;
	sky_drop(k->fixed);
	sky_drop(k->last);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static OrtStatus *create(const OrtCustomOp *op, const OrtKernelInfo *info, int input, void **out) {
	kernel *k = calloc(1, sizeof *k);
	if (!k) return bad("%s: out of memory", op->GetName(op));
	pthread_mutex_init(&k->lock, NULL);
	k->op = op->GetName(op), k->input = input, k->threads = intra_threads(info);
	k->spec.masks = input; // the table's entries are turned round
	tensor pixels;
	size_t n;
	int constant = 0;
	OrtStatus *s = read_conv_spec(info, &k->spec);
	if (!s && input && k->spec.spin_pairs) s = bad("%s: spin_pairs must be 0", k->op);
	if (!s) s = ORT(KernelInfo_GetInputCount)(info, &n);
	if (!s) s = constant_tensor(info, input ? 3 : 2, n, &constant, &pixels);
	if (!s && constant) s = sky_new(k, &pixels, pixels.value ? elements(&pixels) : 12 * k->spec.nside * k->spec.nside, &k->fixed);
	if (s) {
		destroy(k);
		return s;
	}
	*out = k;
	return NULL;
}

// ---- what both read

typedef struct {
	tensor x, w, dy, pixels; // the gradient in W has no w
	sky *sky;
	int64_t n, ci, co;
	const float *z; // dY, scaled where taps are left out
	float *own;
} run;

static OrtStatus *begin(kernel *k, OrtKernelContext *ctx, run *r) {
	size_t n, i = 0;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	TRY(input_tensor(ctx, i++, n, &r->x));
	if (k->input) TRY(input_tensor(ctx, i++, n, &r->w));
	TRY(input_tensor(ctx, i++, n, &r->dy));
	TRY(input_tensor(ctx, i++, n, &r->pixels));
	if (r->x.rank != 3 || r->dy.rank != 3 || r->x.dims[0] != r->dy.dims[0] || r->x.dims[2] != r->dy.dims[2])
		return bad("%s: X must be (N, Ci, P) and dY (N, Co, P)", k->op);
	r->n = r->x.dims[0], r->ci = r->x.dims[1], r->co = r->dy.dims[1], r->z = r->dy.data;
	if (k->input && (r->w.rank != 3 || r->w.dims[0] != r->co || r->w.dims[1] != r->ci || r->w.dims[2] != taps))
		return bad("%s: W must be (Co, Ci, 9)", k->op);
	if (r->ci < 2 * k->spec.spin_pairs)
		return bad("%s: X has %lld channels, fewer than the Q and U of its pairs", k->op, (long long)r->ci);
	TRY(sky_for(k, &r->pixels, r->x.dims[2], &r->sky));
	const ax_table *t = r->sky->table;
	if (t->p_in != r->x.dims[2])
		return bad("%s: the map has %lld pixels, expected %lld", k->op, (long long)r->x.dims[2], (long long)t->p_in);
	if (!t->scale) return NULL;
	if (!(r->own = malloc((size_t)elements(&r->dy) * sizeof *r->own + 1))) return memory(k);
	for (int64_t plane = 0; plane < r->n * r->co; plane++)
		for (int64_t p = 0; p < t->p_out; p++) r->own[plane * t->p_out + p] = t->scale[p] * r->z[plane * t->p_out + p];
	r->z = r->own;
	return NULL;
}

static void end(run *r) {
	sky_drop(r->sky);
	free(r->own);
}

// ---- the gradient in X

typedef struct {
	const run *r;
	const float *w; // by tap
	int64_t ldw;
	float *dx;
} extras_job;

// Adds the extras of one map.
static void extras_item(void *user, size_t map) {
	const extras_job *j = user;
	const run *r = j->r;
	const sky *s = r->sky;
	const int64_t p_in = s->table->p_in, p_out = s->table->p_out;
	astronnx_conv_extras a = {
		s->extras, s->n_extras, r->co, r->ci, p_in, p_out, r->z + (int64_t)map * r->co * p_out, j->w, j->ldw,
		j->dx + (int64_t)map * r->ci * p_in,
	};
	ax_train->conv_extras(&a);
}

// Lays W out for the convolution turned round, [ci][co][taps], and for the extras, [taps][co][ldw].
static void lay_out(const run *r, float *turned, float *by_tap, int64_t ldw) {
	const int *columns = r->sky->table->columns;
	for (int64_t o = 0; o < r->co; o++)
		for (int64_t c = 0; c < r->ci; c++)
			for (int k = 0; k < taps; k++) {
				const float v = ((const float *)r->w.data)[(o * r->ci + c) * taps + columns[k]];
				turned[(c * r->co + o) * taps + taps - 1 - k] = v;
				by_tap[(k * r->co + o) * ldw + c] = v;
			}
}

static OrtStatus *convolve_back(const kernel *k, const run *r, OrtKernelContext *ctx, float *dx) {
	const int64_t size = r->co * r->ci * taps, whole = ASTRONNX_EXTRA_CHANNELS, ldw = (r->ci + whole - 1) / whole * whole;
	float *w = calloc((size_t)(size + r->co * ldw * taps) + 1, sizeof *w);
	if (!w) return memory(k);
	lay_out(r, w, w + size, ldw);
	astronnx_conv_weights *weights = NULL;
	int status = ax_conv->weights_new(r->ci, r->co, w, NULL, &weights);
	astronnx_conv_args a = {.n = r->n, .x = r->z, .y = dx, .threads = k->threads, .parallel_for = parallel, .ctx = ctx};
	if (!status) status = ax_conv->run(r->sky->back, weights, &a);
	ax_conv->weights_free(weights);
	extras_job j = {r, w + size, ldw, dx};
	if (!status && r->sky->n_extras && r->n) parallel(ctx, extras_item, (size_t)r->n, &j);
	free(w);
	return status ? bad("%s: %s", k->op, ax_conv->message(status)) : NULL;
}

static OrtStatus *input_compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	run r = {0};
	void *dx;
	OrtStatus *s = begin(k, ctx, &r);
	if (!s) s = output_data(ctx, 0, r.x.dims, 3, &dx);
	if (!s && r.n) s = convolve_back(k, &r, ctx, dx);
	end(&r);
	return s;
}

// ---- the gradient in W

// Takes back half of what taps read that read half of one pixel and half of nothing.
static void correct_halves(const run *r, float *dw) {
	const ax_table *t = r->sky->table;
	const float *x = r->x.data;
	for (const ax_half *h = t->halves; h < t->halves + t->n_halves; h++)
		for (int64_t o = 0; o < r->co; o++)
			for (int64_t c = 0; c < r->ci; c++) {
				float sum = 0;
				for (int64_t n = 0; n < r->n; n++)
					sum += r->z[(n * r->co + o) * t->p_out + h->pixel] * x[(n * r->ci + c) * t->p_in + h->a];
				dw[(o * r->ci + c) * taps + h->tap] -= 0.5f * sum;
			}
}

static OrtStatus *sum_weights(const kernel *k, const run *r, OrtKernelContext *ctx, float *out) {
	const int64_t size = r->co * r->ci * taps;
	float *dw = malloc((size_t)size * sizeof *dw + 1);
	if (!dw) return memory(k);
	astronnx_conv_weight_grad a = {
		.n = r->n, .co = r->co, .ci = r->ci, .x = r->x.data, .dy = r->z, .dw = dw, .parallel_for = parallel, .ctx = ctx,
	};
	int status = ax_conv->weight_grad(r->sky->table->geom, &a);
	if (!status) {
		correct_halves(r, dw);
		for (int64_t i = 0; i < size; i += taps)
			for (int t = 0; t < taps; t++) out[i + r->sky->table->columns[t]] = dw[i + t];
	}
	free(dw);
	return status ? bad("%s: %s", k->op, ax_conv->message(status)) : NULL;
}

static OrtStatus *weight_compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	run r = {0};
	void *dw;
	OrtStatus *s = begin(k, ctx, &r);
	int64_t dims[3] = {r.co, r.ci, taps};
	if (!s) s = output_data(ctx, 0, dims, 3, &dw);
	if (!s && r.co && r.ci) s = sum_weights(k, &r, ctx, dw);
	end(&r);
	return s;
}

// ---- the operators

static OrtStatus *input_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, 1, out);
}

static OrtStatus *weight_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, 0, out);
}

static OrtStatus *input_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	shape_of x;
	input_shape(ctx, 0, &x);
	return (void)op, x.rank ? set_output_shape(ctx, 0, &x) : NULL;
}

static OrtStatus *weight_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of x, dy, w = {.rank = 3, .type = type_float, .dims = {0, 0, taps}};
	input_shape(ctx, 0, &x);
	input_shape(ctx, 1, &dy);
	if (x.rank != 3 || dy.rank != 3) return NULL;
	w.dims[0] = dy.dims[1], w.names[0] = dy.names[1];
	w.dims[1] = x.dims[1], w.names[1] = x.names[1];
	return set_output_shape(ctx, 0, &w);
}

static const char *input_name(const OrtCustomOp *op) { return (void)op, "HealpixConvGradInput"; }
static const char *weight_name(const OrtCustomOp *op) { return (void)op, "HealpixConvGradWeight"; }
static size_t one(const OrtCustomOp *op) { return (void)op, 1; }
static size_t three(const OrtCustomOp *op) { return (void)op, 3; }
static size_t four(const OrtCustomOp *op) { return (void)op, 4; }
static int input_type(const OrtCustomOp *op, size_t i) { return (void)op, i < 3 ? type_float : type_int64; }
static int weight_type(const OrtCustomOp *op, size_t i) { return (void)op, i < 2 ? type_float : type_int64; }
static int input_need(const OrtCustomOp *op, size_t i) { return (void)op, i < 3 ? required : optional; }
static int weight_need(const OrtCustomOp *op, size_t i) { return (void)op, i < 2 ? required : optional; }
static int result_type(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, type_float; }
static int result_need(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, required; }

#define COMMON                                                                                                                \
	.version = ORT_CUSTOM_OP_VERSION, .GetExecutionProviderType = cpu_provider, .KernelDestroy = destroy,                 \
	.GetOutputType = result_type, .GetOutputTypeCount = one, .GetOutputCharacteristic = result_need,                      \
	.GetInputMemoryType = default_memory, .GetStartVersion = first_version, .GetEndVersion = last_version

OrtCustomOp ax_conv_grad_input_op = {
	COMMON,
	.GetName = input_name,
	.GetInputType = input_type,
	.GetInputTypeCount = four,
	.GetInputCharacteristic = input_need,
	.CreateKernelV2 = input_create,
	.KernelComputeV2 = input_compute,
	.InferOutputShapeFn = input_infer,
};

OrtCustomOp ax_conv_grad_weight_op = {
	COMMON,
	.GetName = weight_name,
	.GetInputType = weight_type,
	.GetInputTypeCount = three,
	.GetInputCharacteristic = weight_need,
	.CreateKernelV2 = weight_create,
	.KernelComputeV2 = weight_compute,
	.InferOutputShapeFn = weight_infer,
};
