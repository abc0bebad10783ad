//go:build cgo && !purego && (linux || darwin)

// Adam over the kernels of internal/kernel/c.

#include "customop.h"

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

// ---- all

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
