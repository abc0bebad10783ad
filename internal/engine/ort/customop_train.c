//go:build cgo && !purego && (linux || darwin)

// Adam, BatchNormGrad and MaxPoolGrad over the kernels of internal/kernel/c.

#include "customop.h"

#include <string.h>

enum { chunk = 1 << 14 }; // elements of an item

// ---- Adam

enum { in_p, in_g, in_m, in_v, in_rate, in_epsilon, in_keep, adam_inputs };

typedef struct {
	float share1, share2;
} adam_kernel;

typedef struct {
	astronnx_adam a;
	int64_t n;
} adam_job;

static void adam_item(void *user, size_t item) {
	const adam_job *j = user;
	const int64_t first = (int64_t)item * chunk;
	ax_train->adam(&j->a, first, first + chunk < j->n ? first + chunk : j->n);
}

static OrtStatus *adam_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	(void)op, (void)api;
	adam_kernel *k = malloc(sizeof *k);
	if (!k) return bad("Adam: out of memory");
	k->share1 = float_attribute(info, "share1", 0.1f);
	k->share2 = float_attribute(info, "share2", 0.001f);
	*out = k;
	return NULL;
}

static OrtStatus *adam_compute(void *p, OrtKernelContext *ctx) {
	const adam_kernel *k = p;
	tensor in[adam_inputs];
	size_t n;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	for (size_t i = 0; i < adam_inputs; i++) TRY(input_tensor(ctx, i, n, &in[i]));
	const int64_t size = elements(&in[in_p]);
	for (int i = in_g; i <= in_v; i++)
		if (elements(&in[i]) != size)
			return bad("Adam: input %d has %lld elements, the tensor %lld", i, (long long)elements(&in[i]), (long long)size);
	for (int i = in_rate; i <= in_keep; i++)
		if (in[i].value && elements(&in[i]) != 1) return bad("Adam: input %d must have one element", i);
	void *y[3];
	for (size_t i = 0; i < 3; i++) TRY(output_data(ctx, i, in[in_p].dims, in[in_p].rank, &y[i]));
	const float *rate = in[in_rate].data, *epsilon = in[in_epsilon].data, *keep = in[in_keep].data;
	adam_job j = {{in[in_p].data, in[in_g].data, in[in_m].data, in[in_v].data, y[0], y[1], y[2], k->share1, k->share2, *rate, *epsilon,
	               keep ? *keep : 1},
	              size};
	if (size) parallel(ctx, adam_item, (size_t)((size + chunk - 1) / chunk), &j);
	return NULL;
}

static OrtStatus *adam_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of p;
	input_shape(ctx, in_p, &p);
	for (size_t i = 0; p.type && i < 3; i++) TRY(set_output_shape(ctx, i, &p));
	return NULL;
}

static const char *adam_name(const OrtCustomOp *op) { return (void)op, "Adam"; }
static size_t adam_in(const OrtCustomOp *op) { return (void)op, adam_inputs; }
static int adam_characteristic(const OrtCustomOp *op, size_t i) { return (void)op, i == in_keep ? optional : required; }

// ---- BatchNormGrad

enum { norm_x, norm_dy, norm_scale, norm_bias, norm_mean, norm_var, norm_inputs };

typedef struct {
	float epsilon, alpha;
	int activation;
} norm_kernel;

typedef struct {
	astronnx_batch_norm_grad g;
	int64_t chunk; // channels of an item
} norm_job;

static void norm_item(void *user, size_t item) {
	const norm_job *j = user;
	const int64_t first = (int64_t)item * j->chunk, last = first + j->chunk;
	ax_train->batch_norm_grad(&j->g, first, last < j->g.channels ? last : j->g.channels);
}

static OrtStatus *norm_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	(void)op, (void)api;
	static const char *const names[] = {"", "Relu", "LeakyRelu"}; // by enum astronnx_activation
	char activation[16];
	TRY(text_attribute(info, "activation", "", activation, sizeof activation));
	norm_kernel *k = malloc(sizeof *k);
	if (!k) return bad("BatchNormGrad: out of memory");
	k->epsilon = float_attribute(info, "epsilon", 1e-5f);
	k->alpha = float_attribute(info, "alpha", 0.01f);
	for (k->activation = ASTRONNX_PLAIN; k->activation <= ASTRONNX_LEAKY_RELU; k->activation++)
		if (strcmp(activation, names[k->activation]) == 0) {
			*out = k;
			return NULL;
		}
	free(k);
	return bad("BatchNormGrad: activation is \"%s\"", activation);
}

static OrtStatus *norm_compute(void *p, OrtKernelContext *ctx) {
	const norm_kernel *k = p;
	tensor in[norm_inputs], *x = &in[norm_x];
	size_t n;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	for (size_t i = 0; i < norm_inputs; i++) TRY(input_tensor(ctx, i, n, &in[i]));
	if (x->rank < 2) return bad("BatchNormGrad: X must be (N, C, ...), got rank %zu", x->rank);
	const int64_t images = x->dims[0], channels = x->dims[1], size = elements(x);
	if (elements(&in[norm_dy]) != size) return bad("BatchNormGrad: X and dY differ in size");
	for (int i = norm_scale; i <= norm_var; i++)
		if (elements(&in[i]) != channels)
			return bad("BatchNormGrad: input %d has %lld elements for %lld channels", i, (long long)elements(&in[i]), (long long)channels);
	void *y[3];
	TRY(output_data(ctx, 0, x->dims, x->rank, &y[0]));
	for (size_t i = 1; i < 3; i++) TRY(output_data(ctx, i, &channels, 1, &y[i]));
	if (!channels) return NULL;
	norm_job j = {{x->data, in[norm_dy].data, in[norm_scale].data, in[norm_bias].data, in[norm_mean].data, in[norm_var].data, y[0], y[1],
	               y[2], images, channels, size && images ? size / images / channels : 0, k->epsilon, k->alpha, k->activation},
	              1};
	// Neighbours in number share lines where planes are small.
	while (j.chunk < 16 && j.chunk * images * j.g.inner < chunk) j.chunk *= 2;
	parallel(ctx, norm_item, (size_t)((channels + j.chunk - 1) / j.chunk), &j);
	return NULL;
}

static OrtStatus *norm_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of s;
	static const size_t like[] = {norm_x, norm_scale, norm_bias};
	for (size_t i = 0; i < 3; i++) {
		input_shape(ctx, like[i], &s);
		if (s.type) TRY(set_output_shape(ctx, i, &s));
	}
	return NULL;
}

static const char *norm_name(const OrtCustomOp *op) { return (void)op, "BatchNormGrad"; }
static size_t norm_in(const OrtCustomOp *op) { return (void)op, norm_inputs; }

// ---- MaxPoolGrad

enum { max_axes = 3 };

typedef struct {
	int64_t kernel[max_axes], stride[max_axes], dilation[max_axes], pads[2 * max_axes];
	size_t axes;
} pool_kernel;

typedef struct {
	astronnx_max_pool_grad g;
	int64_t planes, chunk; // planes of an item
} pool_job;

static void pool_item(void *user, size_t item) {
	const pool_job *j = user;
	const int64_t first = (int64_t)item * j->chunk, last = first + j->chunk;
	ax_train->max_pool_grad(&j->g, first, last < j->planes ? last : j->planes);
}

static OrtStatus *pool_create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	(void)op, (void)api;
	pool_kernel *k = calloc(1, sizeof *k);
	if (!k) return bad("MaxPoolGrad: out of memory");
	for (int i = 0; i < max_axes; i++) k->stride[i] = k->dilation[i] = 1;
	size_t n;
	if (ints_attribute(info, "kernel_shape", max_axes, k->kernel, &k->axes) && k->axes &&
	    ints_attribute(info, "strides", max_axes, k->stride, &n) && ints_attribute(info, "dilations", max_axes, k->dilation, &n) &&
	    ints_attribute(info, "pads", 2 * max_axes, k->pads, &n)) {
		*out = k;
		return NULL;
	}
	free(k);
	return bad("MaxPoolGrad: attributes for more than three axes, or for none");
}

static OrtStatus *pool_compute(void *p, OrtKernelContext *ctx) {
	const pool_kernel *k = p;
	tensor x, dy;
	TRY(input_tensor(ctx, 0, 2, &x));
	TRY(input_tensor(ctx, 1, 2, &dy));
	if (x.rank != k->axes + 2 || dy.rank != x.rank || x.dims[0] != dy.dims[0] || x.dims[1] != dy.dims[1])
		return bad("MaxPoolGrad: X and dY must be (N, C, ...) of %zu axes", k->axes);
	pool_job j = {.planes = x.dims[0] * x.dims[1], .chunk = 1};
	for (size_t i = 0; i < max_axes; i++)
		j.g.in[i] = j.g.out[i] = j.g.kernel[i] = j.g.stride[i] = j.g.dilation[i] = 1;
	for (size_t i = 0, to = max_axes - k->axes; i < k->axes; i++, to++) {
		j.g.in[to] = x.dims[i + 2], j.g.out[to] = dy.dims[i + 2], j.g.kernel[to] = k->kernel[i];
		j.g.stride[to] = k->stride[i], j.g.dilation[to] = k->dilation[i], j.g.pad[to] = k->pads[i];
		if (k->kernel[i] < 1 || k->stride[i] < 1 || k->dilation[i] < 1) return bad("MaxPoolGrad: kernel, strides and dilations must be positive");
	}
	void *dx;
	TRY(output_data(ctx, 0, x.dims, x.rank, &dx));
	j.g.x = x.data, j.g.dy = dy.data, j.g.dx = dx;
	if (!elements(&x)) return NULL;
	const int64_t in = elements(&x) / j.planes;
	if (in < chunk) j.chunk = chunk / in;
	parallel(ctx, pool_item, (size_t)((j.planes + j.chunk - 1) / j.chunk), &j);
	return NULL;
}

static OrtStatus *pool_infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	(void)op;
	shape_of x;
	input_shape(ctx, 0, &x);
	return x.type ? set_output_shape(ctx, 0, &x) : NULL;
}

static const char *pool_name(const OrtCustomOp *op) { return (void)op, "MaxPoolGrad"; }

// ---- all

static size_t one(const OrtCustomOp *op) { return (void)op, 1; }
static size_t two(const OrtCustomOp *op) { return (void)op, 2; }
static size_t three(const OrtCustomOp *op) { return (void)op, 3; }
static int floats(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, type_float; }
static int all_required(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, required; }

#define COMMON                                                                                                                      \
	.version = ORT_CUSTOM_OP_VERSION, .GetExecutionProviderType = cpu_provider, .KernelDestroy = free, .GetInputType = floats,  \
	.GetOutputType = floats, .GetOutputCharacteristic = all_required, .GetInputMemoryType = default_memory,                     \
	.GetStartVersion = first_version, .GetEndVersion = last_version

OrtCustomOp ax_adam_op = {
	COMMON,
	.GetName = adam_name,
	.GetInputTypeCount = adam_in,
	.GetInputCharacteristic = adam_characteristic,
	.GetOutputTypeCount = three,
	.CreateKernelV2 = adam_create,
	.KernelComputeV2 = adam_compute,
	.InferOutputShapeFn = adam_infer,
};

OrtCustomOp ax_batch_norm_grad_op = {
	COMMON,
	.GetName = norm_name,
	.GetInputTypeCount = norm_in,
	.GetInputCharacteristic = all_required,
	.GetOutputTypeCount = three,
	.CreateKernelV2 = norm_create,
	.KernelComputeV2 = norm_compute,
	.InferOutputShapeFn = norm_infer,
};

OrtCustomOp ax_max_pool_grad_op = {
	COMMON,
	.GetName = pool_name,
	.GetInputTypeCount = two,
	.GetInputCharacteristic = all_required,
	.GetOutputTypeCount = one,
	.CreateKernelV2 = pool_create,
	.KernelComputeV2 = pool_compute,
	.InferOutputShapeFn = pool_infer,
};
