//go:build cgo && !purego && (linux || darwin)

// HealpixPool, HealpixUpsample and HealpixReorder: pixels that move by a table. healpixop says what they mean.

#include "customop.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { chunk = 1 << 14 }; // pixels of an item of work
#define NONE 99 // a place that no input has

enum { mode_max, mode_avg, mode_sum, mode_nearest, mode_unpool };

ax_moves *ax_moves_new(int64_t in, int64_t out, int64_t per, int64_t spread, const int32_t *at, const int64_t *ids, int64_t id) {
	ax_moves *m = calloc(1, sizeof *m);
	int32_t *a = at ? malloc((size_t)(out * per) * sizeof *a + 1) : NULL;
	int64_t *b = ids ? malloc((size_t)out * sizeof *b + 1) : NULL;
	if (!m || (at && !a) || (ids && !b)) {
		free(m), free(a), free(b);
		return NULL;
	}
	if (a) memcpy(a, at, (size_t)(out * per) * sizeof *a);
	if (b) memcpy(b, ids, (size_t)out * sizeof *b);
	*m = (ax_moves){in, out, per, a, b, spread, id};
	return m;
}

void ax_moves_free(ax_moves *m) {
	if (!m) return;
	free((void *)m->at);
	free((void *)m->ids);
	free(m);
}

typedef struct {
	ax_move_spec spec;
	const char *op;
	int mode, all, relu;
	double scale;
	float fill;
	size_t from, to; // inputs that list pixels; past the last: none
	pthread_mutex_t lock;
	ax_moves *moves; // for the constant lists, or those of the last run
	int fixed;
} kernel;

static void destroy(void *p) {
	kernel *k = p;
	if (k->moves) astronnxMovesFree(k->moves->id);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static OrtStatus *find_moves(kernel *k, const tensor *from, const tensor *to, ax_moves **out) {
	if (from->value && from->rank != 1) return bad("%s: pixels must be a vector", k->op);
	if (to->value && to->rank != 1) return bad("%s: pixels_out must be a vector", k->op);
	return own_text(astronnxMoves(&k->spec, (int64_t *)from->data, from->value ? from->dims[0] : 0, (int64_t *)to->data,
	                              to->value ? to->dims[0] : 0, out));
}

// moves_for returns the table of a run. One that is not constant is counted for the run; the last is kept, so that the next run
// with the same pixels finds it.
static OrtStatus *moves_for(kernel *k, const tensor *from, const tensor *to, ax_moves **out) {
	if (k->fixed) {
		*out = k->moves;
		return NULL;
	}
	ax_moves *kept;
	TRY(find_moves(k, from, to, out));
	OrtStatus *s = find_moves(k, from, to, &kept);
	if (s) {
		astronnxMovesFree((*out)->id);
		return s;
	}
	pthread_mutex_lock(&k->lock);
	ax_moves *old = k->moves;
	k->moves = kept;
	pthread_mutex_unlock(&k->lock);
	if (old) astronnxMovesFree(old->id);
	return NULL;
}

static void done_with(kernel *k, ax_moves *m) {
	if (!k->fixed) astronnxMovesFree(m->id);
}

static OrtStatus *attributes(kernel *k, const OrtKernelInfo *info) {
	char mode[16], valid[16], activation[16];
	int reorder = k->spec.op == ax_op_reorder;
	k->spec.nside = int_attribute(info, "nside", 0);
	k->spec.factor = reorder ? 1 : int_attribute(info, "factor", 2);
	k->spec.rotate = int_attribute(info, "rotate", 0);
	k->spec.flip_ew = int_attribute(info, "flip_ew", 0);
	k->spec.flip_ns = int_attribute(info, "flip_ns", 0);
	TRY(text_attribute(info, reorder ? "from" : "order", "NEST", k->spec.order, sizeof k->spec.order));
	TRY(text_attribute(info, "to", "NEST", k->spec.to, sizeof k->spec.to));
	TRY(text_attribute(info, "mode", k->spec.op == ax_op_pool ? "max" : "nearest", mode, sizeof mode));
	TRY(text_attribute(info, "valid", "any", valid, sizeof valid));
	k->all = strcmp(valid, "all") == 0;
	TRY(text_attribute(info, "activation", "", activation, sizeof activation));
	k->relu = strcmp(activation, "Relu") == 0;
	k->fill = float_attribute(info, "fill", 0);
	double power = float_attribute(info, "power", 0);
	k->scale = pow((double)k->spec.factor, k->spec.op == ax_op_pool ? -power : power);
	static const char *const names[] = {"max", "avg", "sum", "nearest", "unpool"};
	int first = k->spec.op == ax_op_pool ? mode_max : mode_nearest, last = k->spec.op == ax_op_pool ? mode_sum : mode_unpool;
	for (k->mode = first; k->mode <= last; k->mode++)
		if (strcmp(mode, names[k->mode]) == 0) return NULL;
	return bad("%s: mode is \"%s\"", k->op, mode);
}

static OrtStatus *create(const OrtCustomOp *op, const OrtKernelInfo *info, int64_t which, size_t from, size_t to, void **out) {
	kernel *k = calloc(1, sizeof *k);
	if (!k) return bad("out of memory");
	pthread_mutex_init(&k->lock, NULL);
	k->op = op->GetName(op), k->spec.op = which, k->from = from, k->to = to;
	tensor a, b;
	int ca = 0, cb = 0;
	size_t n;
	OrtStatus *s = attributes(k, info);
	// The gradient of the mean moves pixels as the upsampling does.
	if (which == ax_op_pool && from == NONE && k->mode == mode_avg) k->spec.op = ax_op_upsample, k->spec.nside /= 2;
	if (!s) s = ORT(KernelInfo_GetInputCount)(info, &n);
	if (!s) s = constant_tensor(info, from, n, &ca, &a);
	if (!s) s = constant_tensor(info, to, n, &cb, &b);
	if (!s && ca && cb && !(s = find_moves(k, &a, &b, &k->moves))) k->fixed = 1;
	if (s) {
		destroy(k);
		return s;
	}
	*out = k;
	return NULL;
}

static OrtStatus *check_pixels(const kernel *k, const tensor *x, const ax_moves *m) {
	int64_t p = x->rank ? x->dims[x->rank - 1] : 0;
	return p == m->in ? NULL : bad("%s: the map has %lld pixels, expected %lld", k->op, (long long)p, (long long)m->in);
}

// ---- pool

typedef struct {
	const kernel *k;
	const ax_moves *m;
	const float *x;
	const uint8_t *mask;
	float *y;
	int64_t *indices;
	uint8_t *any;
	int64_t channels, chunks;
	int per_map;
	int of_four; // pixels, all there: the commonest by far
} pool_job;

static void pool_item(void *user, size_t item) {
	const pool_job *j = user;
	const ax_moves *m = j->m;
	const int64_t plane = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	const int64_t last = first + chunk < m->out ? first + chunk : m->out;
	const float *x = j->x + plane * m->in;
	const uint8_t *mask = j->mask ? j->mask + (j->per_map ? plane / j->channels * m->in : 0) : NULL;
	if (j->of_four) {
		astronnx_pool4 a = {.x = x, .at = m->at, .y = j->y + plane * m->out, .indices = j->indices ? j->indices + plane * m->out : NULL,
		                    .scale = j->k->mode == mode_avg ? j->k->scale / 4 : j->k->scale};
		(j->k->mode == mode_max ? ax_train->pool4 : ax_train->sum4)(&a, first, last);
		return;
	}
	for (int64_t p = first; p < last; p++) {
		double sum = 0, top = 0;
		int64_t best = -1, count = 0;
		for (int64_t i = 0; i < m->per; i++) {
			int64_t q = m->at ? m->at[p * m->per + i] : p * m->per + i;
			if (q < 0 || (mask && !mask[q])) continue;
			double e = x[q];
			count++;
			sum += e;
			if (best < 0 || e > top || (isnan(e) && !isnan(top))) top = e, best = q;
		}
		double v = j->k->mode == mode_max ? top : j->k->mode == mode_sum ? sum : sum / (double)count;
		j->y[plane * m->out + p] = count ? (float)(v * j->k->scale) : j->k->fill;
		if (j->indices) j->indices[plane * m->out + p] = best;
	}
}

static void pool_mask_item(void *user, size_t item) {
	const pool_job *j = user;
	const ax_moves *m = j->m;
	const int64_t map = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	const int64_t last = first + chunk < m->out ? first + chunk : m->out;
	const uint8_t *mask = j->mask ? j->mask + (j->per_map ? map * m->in : 0) : NULL;
	for (int64_t p = first; p < last; p++) {
		int64_t count = 0;
		for (int64_t i = 0; i < m->per; i++) {
			int64_t q = m->at ? m->at[p * m->per + i] : p * m->per + i;
			count += q >= 0 && (!mask || mask[q]);
		}
		j->any[map * m->out + p] = count == m->per || (count > 0 && !j->k->all);
	}
}

static OrtStatus *pool_run(kernel *k, OrtKernelContext *ctx, const tensor *x, const tensor *mask, ax_moves *m) {
	TRY(check_pixels(k, x, m));
	int per_map = mask->value && mask->rank == 3;
	if (mask->value && elements(mask) != (per_map ? x->dims[0] * m->in : m->in))
		return bad("HealpixPool: mask must be (P) or (N, 1, P) with the N and P of X");
	int64_t dims[3] = {x->dims[0], x->dims[1], m->out};
	void *y, *indices, *any, *ids;
	TRY(output_data(ctx, 0, dims, 3, &y));
	TRY(output_data(ctx, 1, dims, 3, &indices));
	dims[1] = 1;
	TRY(output_data(ctx, 2, per_map ? dims : dims + 2, per_map ? 3 : 1, &any));
	TRY(output_data(ctx, 3, dims + 2, 1, &ids));
	pool_job j = {k, m, x->data, mask->data, y, indices, any, x->dims[1], (m->out + chunk - 1) / chunk, per_map,
	              m->per == 4 && !m->ids && !mask->value && (k->mode == mode_max ? k->scale == 1 : !indices)};
	int64_t items = x->dims[0] * x->dims[1] * j.chunks, maps = per_map ? x->dims[0] : 1;
	if (items) parallel(ctx, pool_item, (size_t)items, &j);
	if (any && maps) parallel(ctx, pool_mask_item, (size_t)(maps * j.chunks), &j);
	for (int64_t p = 0; ids && p < m->out; p++) ((int64_t *)ids)[p] = m->ids ? m->ids[p] : p;
	return NULL;
}

static OrtStatus *pool_compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	tensor x, mask, pixels, none = {0};
	ax_moves *m;
	size_t n;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	TRY(input_tensor(ctx, 0, n, &x));
	TRY(input_tensor(ctx, 1, n, &mask));
	TRY(input_tensor(ctx, k->from, n, &pixels));
	if (x.rank != 3) return bad("HealpixPool: X must be (N, C, P), got rank %zu", x.rank);
	TRY(moves_for(k, &pixels, &none, &m));
	OrtStatus *s = pool_run(k, ctx, &x, &mask, m);
	done_with(k, m);
	return s;
}

// ---- the gradient of the largest, or of the mean, of four

typedef struct {
	const ax_moves *m; // of the pool for the largest, of the upsampling for the mean
	const float *x, *dy;
	float *dx;
	int64_t chunks;
	int relu;
} pool_grad_job;

static void max_grad_item(void *user, size_t item) {
	const pool_grad_job *j = user;
	const ax_moves *m = j->m;
	const int64_t plane = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	astronnx_pool4 a = {.x = j->x + plane * m->in, .at = m->at, .dy = j->dy + plane * m->out, .dx = j->dx + plane * m->in,
	                    .relu = j->relu};
	ax_train->pool4_grad(&a, first, first + chunk < m->out ? first + chunk : m->out);
}

static void mean_grad_item(void *user, size_t item) {
	const pool_grad_job *j = user;
	const ax_moves *m = j->m;
	const int64_t plane = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	astronnx_sum4_grad a = {.x = j->x + plane * m->out, .at = m->at, .dy = j->dy + plane * m->in, .dx = j->dx + plane * m->out,
	                        .relu = j->relu, .scale = 1.f / 4};
	ax_train->sum4_grad(&a, first, first + chunk < m->out ? first + chunk : m->out);
}

static OrtStatus *pool_grad_compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	tensor x, dy;
	const ax_moves *m = k->moves;
	void *dx;
	TRY(input_tensor(ctx, 0, 2, &x));
	TRY(input_tensor(ctx, 1, 2, &dy));
	if (x.rank != 3) return bad("HealpixPoolGrad: X must be (N, C, P), got rank %zu", x.rank);
	const int64_t pixels = k->mode == mode_avg ? m->out : m->in;
	if (x.dims[2] != pixels)
		return bad("HealpixPoolGrad: the map has %lld pixels, expected %lld", (long long)x.dims[2], (long long)pixels);
	if (elements(&x) != 4 * elements(&dy)) return bad("HealpixPoolGrad: dY must have a quarter of the pixels of X");
	TRY(output_data(ctx, 0, x.dims, 3, &dx));
	pool_grad_job j = {m, x.data, dy.data, dx, (m->out + chunk - 1) / chunk, k->relu};
	const int64_t items = x.dims[0] * x.dims[1] * j.chunks;
	if (items) parallel(ctx, k->mode == mode_avg ? mean_grad_item : max_grad_item, (size_t)items, &j);
	return NULL;
}

// ---- upsample and reorder

typedef struct {
	const kernel *k;
	const ax_moves *m;
	const float *x;
	float *y;
	const int64_t *indices;
	int64_t out, chunks;
	int64_t *wrong; // position of an index out of range, -1
} gather_job;

static void gather_item(void *user, size_t item) {
	const gather_job *j = user;
	const ax_moves *m = j->m;
	const int64_t plane = (int64_t)item / j->chunks, first = (int64_t)item % j->chunks * chunk;
	const int64_t last = first + chunk < j->out ? first + chunk : j->out;
	const float *x = j->x + plane * m->in;
	float *y = j->y + plane * j->out;
	if (m->at)
		for (int64_t p = first; p < last; p++) y[p] = m->at[p] < 0 ? 0 : x[m->at[p]];
	else
		for (int64_t p = first; p < last; p++) y[p] = x[p / m->spread];
	if (j->k->scale != 1) // which would quieten a NaN
		for (int64_t p = first; p < last; p++) y[p] = (float)(y[p] * j->k->scale);
}

static void unpool_item(void *user, size_t plane) {
	const gather_job *j = user;
	const float *x = j->x + (int64_t)plane * j->m->in;
	const int64_t *indices = j->indices + (int64_t)plane * j->m->in;
	float *y = j->y + (int64_t)plane * j->out;
	memset(y, 0, (size_t)j->out * sizeof *y);
	for (int64_t p = 0; p < j->m->in; p++) {
		if (indices[p] < -1 || indices[p] >= j->out)
			__atomic_store_n(j->wrong, (int64_t)plane * j->m->in + p, __ATOMIC_RELAXED);
		else if (indices[p] >= 0)
			y[indices[p]] = (float)(x[p] * j->k->scale);
	}
}

static OrtStatus *gather_run(kernel *k, OrtKernelContext *ctx, const tensor *x, const tensor *indices, const tensor *to, ax_moves *m) {
	TRY(check_pixels(k, x, m));
	if ((k->mode == mode_unpool) != (indices->value != NULL) && k->spec.op == ax_op_upsample)
		return bad("HealpixUpsample: indices are for mode unpool and only for it");
	if (indices->value && elements(indices) != elements(x)) return bad("HealpixUpsample: indices must have the shape of X");
	int64_t dims[max_rank], wrong = -1;
	memcpy(dims, x->dims, sizeof dims);
	dims[x->rank - 1] = indices->value && to->value ? to->dims[0] : m->out;
	void *y;
	TRY(output_data(ctx, 0, dims, x->rank, &y));
	int64_t planes = m->in ? elements(x) / m->in : 0, out = dims[x->rank - 1];
	gather_job j = {k, m, x->data, y, indices->data, out, (out + chunk - 1) / chunk, &wrong};
	if (planes && indices->value) parallel(ctx, unpool_item, (size_t)planes, &j);
	if (planes && !indices->value) parallel(ctx, gather_item, (size_t)(planes * j.chunks), &j);
	if (wrong < 0) return NULL;
	return bad("HealpixUpsample: indices[%lld] is %lld: expected -1 to %lld", (long long)wrong, (long long)j.indices[wrong],
	           (long long)out - 1);
}

static OrtStatus *gather_compute(void *p, OrtKernelContext *ctx) {
	kernel *k = p;
	tensor x, indices = {0}, from, to;
	ax_moves *m;
	size_t n;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	TRY(input_tensor(ctx, 0, n, &x));
	if (k->spec.op == ax_op_upsample) TRY(input_tensor(ctx, 1, n, &indices));
	TRY(input_tensor(ctx, k->from, n, &from));
	TRY(input_tensor(ctx, k->to, n, &to));
	if (x.rank == 0 || (k->spec.op == ax_op_upsample && x.rank != 3)) return bad("%s: X has rank %zu", k->op, x.rank);
	TRY(moves_for(k, &from, &to, &m));
	OrtStatus *s = gather_run(k, ctx, &x, &indices, &to, m);
	done_with(k, m);
	return s;
}

// ---- the operators

static OrtStatus *infer_scaled(OrtShapeInferContext *ctx, size_t list, int64_t up, int64_t down) {
	shape_of y, pixels;
	input_shape(ctx, 0, &y);
	input_shape(ctx, list, &pixels);
	if (y.rank != 3) return NULL;
	y.names[2] = NULL;
	if (y.dims[2] >= 0) y.dims[2] = y.dims[2] * up / down;
	if (pixels.type) y.dims[2] = up > 1 && pixels.rank == 1 ? pixels.dims[0] : -1;
	return set_output_shape(ctx, 0, &y);
}

static int64_t area(OrtShapeInferContext *ctx) {
	int64_t f = int_attribute_of(ctx, "factor", 2);
	return f > 0 && f <= 1 << 29 ? f * f : 1;
}

static OrtStatus *pool_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	return (void)op, infer_scaled(ctx, 2, 1, area(ctx));
}

static OrtStatus *upsample_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	return (void)op, infer_scaled(ctx, 3, area(ctx), 1);
}

static OrtStatus *reorder_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of x;
	input_shape(ctx, 0, &x);
	return x.rank ? set_output_shape(ctx, 0, &x) : NULL;
}

static OrtStatus *pool_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, ax_op_pool, 2, NONE, out);
}

static OrtStatus *pool_grad_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, ax_op_pool, NONE, NONE, out);
}

static OrtStatus *upsample_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, ax_op_upsample, 2, 3, out);
}

static OrtStatus *reorder_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	return (void)api, create(op, info, ax_op_reorder, NONE, NONE, out);
}

static const char *pool_name(const OrtCustomOp *op) { return (void)op, "HealpixPool"; }
static const char *pool_grad_name(const OrtCustomOp *op) { return (void)op, "HealpixPoolGrad"; }
static const char *upsample_name(const OrtCustomOp *op) { return (void)op, "HealpixUpsample"; }
static const char *reorder_name(const OrtCustomOp *op) { return (void)op, "HealpixReorder"; }
static size_t one(const OrtCustomOp *op) { return (void)op, 1; }
static size_t two(const OrtCustomOp *op) { return (void)op, 2; }
static size_t three(const OrtCustomOp *op) { return (void)op, 3; }
static size_t four(const OrtCustomOp *op) { return (void)op, 4; }

static int pool_input(const OrtCustomOp *op, size_t i) { return (void)op, (int[]){type_float, type_bool, type_int64}[i]; }
static int pool_output(const OrtCustomOp *op, size_t i) { return (void)op, (int[]){type_float, type_int64, type_bool, type_int64}[i]; }
static int first_float(const OrtCustomOp *op, size_t i) { return (void)op, i == 0 ? type_float : type_int64; }
static int all_float(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, type_float; }
static int first_required(const OrtCustomOp *op, size_t i) { return (void)op, i == 0 ? required : optional; }

#define COMMON                                                                                                      \
	.version = ORT_CUSTOM_OP_VERSION, .GetExecutionProviderType = cpu_provider, .KernelDestroy = destroy,       \
	.GetInputCharacteristic = first_required, .GetOutputCharacteristic = first_required,                        \
	.GetInputMemoryType = default_memory, .GetStartVersion = first_version, .GetEndVersion = last_version

OrtCustomOp ax_pool_op = {
	COMMON,
	.GetName = pool_name,
	.GetInputType = pool_input,
	.GetInputTypeCount = three,
	.GetOutputType = pool_output,
	.GetOutputTypeCount = four,
	.CreateKernelV2 = pool_create,
	.KernelComputeV2 = pool_compute,
	.InferOutputShapeFn = pool_infer,
};

OrtCustomOp ax_pool_grad_op = {
	COMMON,
	.GetName = pool_grad_name,
	.GetInputType = all_float,
	.GetInputTypeCount = two,
	.GetOutputType = first_float,
	.GetOutputTypeCount = one,
	.CreateKernelV2 = pool_grad_create,
	.KernelComputeV2 = pool_grad_compute,
	.InferOutputShapeFn = reorder_infer,
};

OrtCustomOp ax_upsample_op = {
	COMMON,
	.GetName = upsample_name,
	.GetInputType = first_float,
	.GetInputTypeCount = four,
	.GetOutputType = first_float,
	.GetOutputTypeCount = one,
	.CreateKernelV2 = upsample_create,
	.KernelComputeV2 = gather_compute,
	.InferOutputShapeFn = upsample_infer,
};

OrtCustomOp ax_reorder_op = {
	COMMON,
	.GetName = reorder_name,
	.GetInputType = first_float,
	.GetInputTypeCount = one,
	.GetOutputType = first_float,
	.GetOutputTypeCount = one,
	.CreateKernelV2 = reorder_create,
	.KernelComputeV2 = gather_compute,
	.InferOutputShapeFn = reorder_infer,
};
