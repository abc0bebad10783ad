//go:build cgo && !purego && (linux || darwin)

#include "customop.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const astronnx_healpix_conv_api *ax_conv;
const astronnx_train_api *ax_train;
const astronnx_convnd_api *ax_convnd;

void ax_kernels(const void *conv, const void *train, const void *convnd) { ax_conv = conv, ax_train = train, ax_convnd = convnd; }

static const struct {
	const char *name;
	OrtCustomOp *ops[8]; // by bit
} domains[] = {
	{"ai.astronnx.healpix", 
	 {&ax_conv_op, &ax_pool_op, &ax_upsample_op, &ax_reorder_op, &ax_conv_grad_input_op, &ax_conv_grad_weight_op,
	  &ax_pool_grad_op}},
	{"ai.astronnx.train",
	 {&ax_adam_op, &ax_batch_norm_grad_op, &ax_max_pool_grad_op, [5] = &ax_convnd_op, &ax_convnd_grad_input_op, &ax_convnd_grad_weight_op}},
};

_Static_assert(sizeof domains / sizeof *domains == ax_domains, "ax_domains counts them");

const char *ax_domain_name(unsigned which) { return domains[which].name; }
const OrtCustomOp *ax_domain_op(unsigned which, unsigned bit) { return domains[which].ops[bit]; }

static OrtStatus *domain_of(unsigned which, unsigned set, OrtCustomOpDomain **out) {
	static OrtCustomOpDomain *made[ax_domains][256];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	OrtStatus *s = NULL;
	pthread_mutex_lock(&lock);
	OrtCustomOpDomain *d = made[which][set];
	if (!d) {
		s = ORT(CreateCustomOpDomain)(domains[which].name, &d);
		for (unsigned i = 0; !s && i < 8; i++)
			if (set >> i & 1) s = ORT(CustomOpDomain_Add)(d, domains[which].ops[i]);
		if (!s) made[which][set] = d;
	}
	pthread_mutex_unlock(&lock);
	*out = d;
	return s;
}

OrtStatus *ax_register(void *session_options, unsigned ops) {
	for (unsigned i = 0; i < ax_domains; i++) {
		OrtCustomOpDomain *d;
		unsigned set = ops >> 8 * i & 255;
		if (!set) continue;
		TRY(domain_of(i, set, &d));
		TRY(ORT(AddCustomOpDomain)(session_options, d));
	}
	return NULL;
}

// ---- errors

OrtStatus *bad(const char *format, ...) {
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return ORT(CreateStatus)(2 /* invalid argument */, text);
}

OrtStatus *own_text(char *text) {
	if (!text) return NULL;
	OrtStatus *s = ORT(CreateStatus)(2, text);
	free(text);
	return s;
}

static int failed(OrtStatus *s) {
	if (s) ORT(ReleaseStatus)(s);
	return s != NULL;
}

// ---- values

OrtStatus *read_tensor(const OrtValue *v, tensor *out) {
	OrtTensorTypeAndShapeInfo *info;
	TRY(ORT(GetTensorTypeAndShape)(v, &info));
	OrtStatus *s = ORT(GetTensorElementType)(info, &out->type);
	if (!s) s = ORT(GetDimensionsCount)(info, &out->rank);
	if (!s && out->rank > max_rank) s = bad("a tensor of rank %zu: expected at most %d", out->rank, max_rank);
	if (!s) s = ORT(GetDimensions)(info, out->dims, out->rank);
	ORT(ReleaseTensorTypeAndShapeInfo)(info);
	if (!s) s = ORT(GetTensorData)(v, &out->data);
	out->value = v;
	return s;
}

OrtStatus *input_tensor(OrtKernelContext *ctx, size_t i, size_t n, tensor *out) {
	const OrtValue *v = NULL;
	memset(out, 0, sizeof *out);
	if (i >= n) return NULL;
	TRY(ORT(KernelContext_GetInput)(ctx, i, &v));
	return v ? read_tensor(v, out) : NULL;
}

OrtStatus *constant_tensor(const OrtKernelInfo *info, size_t i, size_t n, int *constant, tensor *out) {
	const OrtValue *v = NULL;
	OrtTypeInfo *type = NULL;
	memset(out, 0, sizeof *out);
	*constant = 1;
	if (i >= n) return NULL;
	TRY(ORT(KernelInfoGetConstantInput_tensor)(info, i, constant, &v));
	if (*constant && v) return read_tensor(v, out);
	// An absent input is not constant either, but has no type.
	*constant = failed(ORT(KernelInfo_GetInputTypeInfo)(info, i, &type));
	if (type) ORT(ReleaseTypeInfo)(type);
	return NULL;
}

OrtStatus *output_data(OrtKernelContext *ctx, size_t i, const int64_t *dims, size_t rank, void **data) {
	OrtValue *v = NULL;
	size_t n;
	*data = NULL;
	TRY(ORT(KernelContext_GetOutputCount)(ctx, &n));
	if (i >= n) return NULL;
	TRY(ORT(KernelContext_GetOutput)(ctx, i, dims, rank, &v));
	return v ? ORT(GetTensorMutableData)(v, data) : NULL;
}

int64_t elements(const tensor *t) {
	int64_t n = 1;
	for (size_t i = 0; i < t->rank; i++) n *= t->dims[i];
	return n;
}

// ---- attributes

int64_t int_attribute(const OrtKernelInfo *info, const char *name, int64_t otherwise) {
	int64_t v;
	return failed(ORT(KernelInfoGetAttribute_int64)(info, name, &v)) ? otherwise : v;
}

int ints_attribute(const OrtKernelInfo *info, const char *name, size_t most, int64_t *v, size_t *n) {
	*n = 0;
	if (failed(ORT(KernelInfoGetAttributeArray_int64)(info, name, NULL, n)) && !*n) return 1;
	return *n <= most && !failed(ORT(KernelInfoGetAttributeArray_int64)(info, name, v, n));
}

float float_attribute(const OrtKernelInfo *info, const char *name, float otherwise) {
	float v;
	return failed(ORT(KernelInfoGetAttribute_float)(info, name, &v)) ? otherwise : v;
}

OrtStatus *text_attribute(const OrtKernelInfo *info, const char *name, const char *otherwise, char *out, size_t size) {
	size_t need = 0;
	if (failed(ORT(KernelInfoGetAttribute_string)(info, name, NULL, &need)) && !need) {
		snprintf(out, size, "%s", otherwise);
		return NULL;
	}
	if (need > size) return bad("attribute %s has %zu characters", name, need);
	return ORT(KernelInfoGetAttribute_string)(info, name, out, &need);
}

int intra_threads(const OrtKernelInfo *info) {
	OrtKeyValuePairs *entries = NULL;
	if (failed(ORT(KernelInfo_GetConfigEntries)(info, &entries))) return 0;
	const char *v = ORT(GetKeyValue)(entries, "astronnx.threads");
	int n = v ? atoi(v) : 0;
	ORT(ReleaseKeyValuePairs)(entries);
	return n;
}

void parallel(void *ctx, void (*fn)(void *, size_t), size_t total, void *usr) {
	if (total == 1) {
		fn(usr, 0);
		return;
	}
	failed(ORT(KernelContext_ParallelFor)(ctx, fn, total, 0, usr));
}

// ---- inference

void input_shape(OrtShapeInferContext *ctx, size_t i, shape_of *out) {
	OrtTensorTypeAndShapeInfo *info = NULL; // the context's
	size_t n = 0;
	memset(out, 0, sizeof *out);
	if (failed(ORT(ShapeInferContext_GetInputCount)(ctx, &n)) || i >= n) return;
	if (failed(ORT(ShapeInferContext_GetInputTypeShape)(ctx, i, &info)) || !info) return;
	if (failed(ORT(GetTensorElementType)(info, &out->type)) || failed(ORT(GetDimensionsCount)(info, &out->rank)) ||
	    out->rank > max_rank || failed(ORT(GetDimensions)(info, out->dims, out->rank)) ||
	    failed(ORT(GetSymbolicDimensions)(info, out->names, out->rank)))
		out->rank = 0;
}

// A size that is not known gets a name of its own: without one onnxruntime takes its -1 for the size.
OrtStatus *set_output_shape(OrtShapeInferContext *ctx, size_t i, const shape_of *s) {
	static atomic_uint_fast64_t fresh;
	OrtTensorTypeAndShapeInfo *info;
	const char *names[max_rank];
	char made[max_rank][40];
	for (size_t k = 0; k < s->rank; k++) {
		names[k] = s->names[k] ? s->names[k] : "";
		if (s->dims[k] >= 0 || *names[k]) continue;
		snprintf(made[k], sizeof made[k], "astronnx_size_%llu", (unsigned long long)atomic_fetch_add(&fresh, 1));
		names[k] = made[k];
	}
	TRY(ORT(CreateTensorTypeAndShapeInfo)(&info));
	OrtStatus *err = ORT(SetTensorElementType)(info, s->type);
	if (!err) err = ORT(SetDimensions)(info, s->dims, s->rank);
	if (!err) err = ORT(SetSymbolicDimensions)(info, names, s->rank);
	if (!err) err = ORT(ShapeInferContext_SetOutputTypeShape)(ctx, i, info);
	ORT(ReleaseTensorTypeAndShapeInfo)(info);
	return err;
}

int64_t int_attribute_of(OrtShapeInferContext *ctx, const char *name, int64_t otherwise) {
	const OrtOpAttr *attr = NULL;
	int64_t v;
	size_t n = 0;
	if (failed(ORT(ShapeInferContext_GetAttribute)(ctx, name, &attr)) || !attr) return otherwise;
	return failed(ORT(ReadOpAttr)(attr, 1 /* int */, &v, sizeof v, &n)) ? otherwise : v;
}

int ints_attribute_of(OrtShapeInferContext *ctx, const char *name, size_t most, int64_t *v) {
	const OrtOpAttr *attr = NULL;
	size_t n = 0;
	if (failed(ORT(ShapeInferContext_GetAttribute)(ctx, name, &attr)) || !attr) return 1;
	return !failed(ORT(ReadOpAttr)(attr, 2 /* ints */, v, most * sizeof *v, &n));
}

// ---- what all operators answer alike

const char *cpu_provider(const OrtCustomOp *op) { return (void)op, NULL; }
int default_memory(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, 0; }
int first_version(const OrtCustomOp *op) { return (void)op, 1; }
int last_version(const OrtCustomOp *op) { return (void)op, INT_MAX; }
