//go:build cgo && !purego && (linux || darwin)

// Conv and its two gradients over the kernels of internal/kernel/c, for images of one to three axes.

#include "customop.h"

enum { in_a, in_b, in_bias, inputs };
enum { forward = ASTRONNX_CONVND_FORWARD, grad_input = ASTRONNX_CONVND_GRAD_INPUT, grad_weight = ASTRONNX_CONVND_GRAD_WEIGHT };
enum { max_axes = 3 };

// What a node says. Attributes that are absent hold their defaults, sizes 0.
typedef struct {
	int op, threads;
	int64_t kernel[max_axes], stride[max_axes], pads[2 * max_axes], image[max_axes];
} window;

static const char *const op_names[] = {"Conv", "ConvGradInput", "ConvGradWeight"};

static const struct {
	const char *name;
	size_t offset;
	int64_t otherwise;
	int per_axis;
} attributes[] = {
	{"kernel_shape", offsetof(window, kernel), 0, 1},
	{"strides", offsetof(window, stride), 1, 1},
	{"pads", offsetof(window, pads), 0, 2},
	{"image_shape", offsetof(window, image), 0, 1},
};

enum { n_attributes = sizeof attributes / sizeof *attributes };

static int64_t *place(window *w, int i) { return (int64_t *)((char *)w + attributes[i].offset); }

static void defaults(window *w) {
	for (int i = 0; i < n_attributes; i++)
		for (int k = 0; k < attributes[i].per_axis * max_axes; k++) place(w, i)[k] = attributes[i].otherwise;
}

static OrtStatus *create(int op, const OrtKernelInfo *info, void **out) {
	window *w = calloc(1, sizeof *w);
	if (!w) return bad("%s: out of memory", op_names[op]);
	w->op = op, w->threads = intra_threads(info);
	defaults(w);
	for (int i = 0; i < n_attributes; i++) {
		const size_t most = (size_t)attributes[i].per_axis * max_axes;
		size_t n;
		if (ints_attribute(info, attributes[i].name, most, place(w, i), &n)) continue;
		free(w);
		return bad("%s: %zu values of %s: expected at most %zu", op_names[op], n, attributes[i].name, most);
	}
	*out = w;
	return NULL;
}

// Outputs along an axis of `in` elements under a kernel of k.
static int64_t positions(const window *w, int axis, int axes, int64_t in, int64_t k) {
	const int64_t room = in + w->pads[axis] + w->pads[axes + axis] - k;
	return room < 0 || w->stride[axis] < 1 ? 0 : room / w->stride[axis] + 1;
}

// Checks the inputs and gathers sizes of the convolution: of x, w and y, whichever two are there.
static OrtStatus *shape(const window *w, const tensor in[inputs], astronnx_convnd_shape *s, int *axes) {
	const char *name = op_names[w->op];
	const tensor *x = w->op == grad_input ? NULL : &in[in_a], *y = w->op == forward ? NULL : &in[w->op == grad_input ? in_a : in_b];
	const tensor *f = w->op == grad_weight ? NULL : &in[in_b], *first = &in[in_a];
	const int n = *axes = (int)first->rank - 2;
	if (n < 1 || n > max_axes || in[in_b].rank != first->rank) return bad("%s: inputs of rank %zu and %zu: expected the same, 3 to 5", name, first->rank, in[in_b].rank);
	*s = (astronnx_convnd_shape){first->dims[0], x ? x->dims[1] : f->dims[1], y ? y->dims[1] : f->dims[0], {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
	if ((x && f && x->dims[1] != f->dims[1]) || (y && f && y->dims[1] != f->dims[0]) || (x && y && x->dims[0] != y->dims[0]))
		return bad("%s: the images and channels of its inputs do not match", name);
	if (in[in_bias].value && elements(&in[in_bias]) != s->co)
		return bad("%s: a bias of %lld values for %lld channels", name, (long long)elements(&in[in_bias]), (long long)s->co);
	for (int i = 0; i < n; i++) {
		const int k = max_axes - n + i;
		s->in[k] = x ? x->dims[i + 2] : w->image[i];
		s->kernel[k] = f ? f->dims[i + 2] : w->kernel[i];
		s->stride[k] = w->stride[i], s->pad[k] = w->pads[i];
		s->out[k] = positions(w, i, n, s->in[k], s->kernel[k]);
		if (s->out[k] < 1 || (y && y->dims[i + 2] != s->out[k]))
			return bad("%s: a kernel of %lld fits %lld times along axis %d of %lld elements, expected %lld", name, (long long)s->kernel[k],
			           (long long)s->out[k], i + 2, (long long)s->in[k], (long long)(y ? y->dims[i + 2] : 1));
		if (w->kernel[i] && w->kernel[i] != s->kernel[k]) return bad("%s: kernel_shape is not that of W", name);
	}
	return NULL;
}

// Runs the kernel with scratch of the session's own.
static OrtStatus *convolve(const astronnx_convnd_shape *s, astronnx_convnd_args *a, OrtKernelContext *ctx) {
	const size_t bytes = ax_convnd->scratch_bytes(s, a->op), line = 64;
	OrtMemoryInfo *memory;
	OrtAllocator *allocator;
	void *scratch = NULL;
	if (bytes == SIZE_MAX) return bad("%s: %s", op_names[a->op], ax_convnd->message(ASTRONNX_CONV_BAD_SIZE));
	TRY(ORT(CreateCpuMemoryInfo)(1 /* arena */, 0 /* default */, &memory));
	OrtStatus *err = ORT(KernelContext_GetAllocator)(ctx, memory, &allocator);
	ORT(ReleaseMemoryInfo)(memory);
	if (err) return err;
	if (!(err = ORT(AllocatorAlloc)(allocator, bytes + line, &scratch))) {
		a->scratch = (char *)scratch + (-(uintptr_t)scratch & (line - 1));
		const int status = ax_convnd->run(s, a);
		if (status) err = bad("%s: %s", op_names[a->op], ax_convnd->message(status));
		OrtStatus *freed = ORT(AllocatorFree)(allocator, scratch);
		if (!err) err = freed;
		else if (freed) ORT(ReleaseStatus)(freed);
	}
	ORT(ReleaseAllocator)(allocator);
	return err;
}

static OrtStatus *compute(void *p, OrtKernelContext *ctx) {
	const window *w = p;
	tensor in[inputs];
	astronnx_convnd_shape s;
	size_t n;
	int axes;
	void *result;
	TRY(ORT(KernelContext_GetInputCount)(ctx, &n));
	for (size_t i = 0; i < inputs; i++) TRY(input_tensor(ctx, i, n, &in[i]));
	TRY(shape(w, in, &s, &axes));
	int64_t dims[2 + max_axes] = {w->op == grad_weight ? s.co : s.n, w->op == forward ? s.co : s.ci};
	const int64_t *sizes = w->op == forward ? s.out : w->op == grad_input ? s.in : s.kernel;
	for (int i = 0; i < axes; i++) dims[i + 2] = sizes[max_axes - axes + i];
	TRY(output_data(ctx, 0, dims, (size_t)axes + 2, &result));
	astronnx_convnd_args a = {.op = w->op, .a = in[in_a].data, .b = in[in_b].data, .bias = in[in_bias].data, .result = result,
	                          .threads = w->threads, .parallel_for = parallel, .ctx = ctx};
	return convolve(&s, &a, ctx);
}

// A size that is not known stays so.
static OrtStatus *infer(int op, OrtShapeInferContext *ctx) {
	shape_of a, b, y;
	window w = {.op = op};
	input_shape(ctx, in_a, &a);
	input_shape(ctx, in_b, &b);
	if (a.rank < 3 || a.rank > 2 + max_axes || b.rank != a.rank) return NULL;
	defaults(&w);
	for (int i = 0; i < n_attributes; i++)
		if (!ints_attribute_of(ctx, attributes[i].name, (size_t)attributes[i].per_axis * max_axes, place(&w, i))) return NULL;
	const int axes = (int)a.rank - 2;
	y = a;
	if (op == grad_weight) y.dims[0] = b.dims[1], y.names[0] = b.names[1];
	if (op == grad_input) y.dims[1] = b.dims[1], y.names[1] = b.names[1];
	if (op == forward) y.dims[1] = b.dims[0], y.names[1] = b.names[0];
	for (int i = 0; i < axes; i++) {
		const int64_t k = b.dims[i + 2];
		y.names[i + 2] = NULL;
		y.dims[i + 2] = op == grad_weight ? w.kernel[i] : op == grad_input ? w.image[i] : a.dims[i + 2] < 0 || k < 0 ? -1 : positions(&w, i, axes, a.dims[i + 2], k);
	}
	return set_output_shape(ctx, 0, &y);
}

// ---- the three operators

#define OPERATOR(op)                                                                                                                 \
	static OrtStatus *op##_create(const OrtCustomOp *self, const OrtApi *api, const OrtKernelInfo *info, void **out) {            \
		return (void)self, (void)api, create(op, info, out);                                                                  \
	}                                                                                                                             \
	static OrtStatus *op##_infer(const OrtCustomOp *self, OrtShapeInferContext *ctx) { return (void)self, infer(op, ctx); }       \
	static const char *op##_name(const OrtCustomOp *self) { return (void)self, op_names[op]; }

OPERATOR(forward)
OPERATOR(grad_input)
OPERATOR(grad_weight)

static size_t one(const OrtCustomOp *op) { return (void)op, 1; }
static size_t two(const OrtCustomOp *op) { return (void)op, 2; }
static size_t three(const OrtCustomOp *op) { return (void)op, 3; }
static int floats(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, type_float; }
static int need(const OrtCustomOp *op, size_t i) { return (void)op, i == in_bias ? optional : required; }

#define COMMON(op)                                                                                                                    \
	.version = ORT_CUSTOM_OP_VERSION, .GetName = op##_name, .CreateKernelV2 = op##_create, .KernelComputeV2 = compute,            \
	.InferOutputShapeFn = op##_infer, .GetExecutionProviderType = cpu_provider, .KernelDestroy = free, .GetInputType = floats,    \
	.GetInputCharacteristic = need, .GetOutputType = floats, .GetOutputTypeCount = one, .GetOutputCharacteristic = need,          \
	.GetInputMemoryType = default_memory, .GetStartVersion = first_version, .GetEndVersion = last_version

OrtCustomOp ax_convnd_op = {COMMON(forward), .GetInputTypeCount = three};
OrtCustomOp ax_convnd_grad_input_op = {COMMON(grad_input), .GetInputTypeCount = two};
OrtCustomOp ax_convnd_grad_weight_op = {COMMON(grad_weight), .GetInputTypeCount = two};
