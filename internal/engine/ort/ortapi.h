//go:build cgo && !purego && (linux || darwin)

// The entries of ONNX Runtime's function table that this package calls, by position, and nothing else of its header.
// Positions and parameters are part of ONNX Runtime's binary interface: they never change, new entries go to the end.
// ortapi_test.go compares this file with the header in the module github.com/yalue/onnxruntime_go.
#ifndef ASTRONNX_ORTAPI_H
#define ASTRONNX_ORTAPI_H

#include <stddef.h>
#include <stdint.h>

enum { ORT_API_NEEDED = 24, ORT_CUSTOM_OP_VERSION = 17 };

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtIoBinding OrtIoBinding;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtShapeInferContext OrtShapeInferContext;
typedef struct OrtOpAttr OrtOpAttr;
typedef struct OrtKeyValuePairs OrtKeyValuePairs;
typedef struct OrtEpAssignedSubgraph OrtEpAssignedSubgraph;
typedef struct OrtEpAssignedNode OrtEpAssignedNode;
typedef struct OrtCustomOp OrtCustomOp;
typedef struct OrtApi OrtApi; // used as an array of functions
typedef struct OrtApiBase {
	const OrtApi *(*GetApi)(uint32_t version);
	const char *(*GetVersionString)(void);
} OrtApiBase;

// ENTRY(position, result, name, parameters)
#define ENTRY(at, result, name, params) \
	enum { name##_at = at };        \
	typedef result(*name##_fn) params;

ENTRY(0, OrtStatus *, CreateStatus, (int code, const char *text))
ENTRY(1, int, GetErrorCode, (const OrtStatus *))
ENTRY(2, const char *, GetErrorMessage, (const OrtStatus *))
ENTRY(26, OrtStatus *, CreateCustomOpDomain, (const char *name, OrtCustomOpDomain **out))
ENTRY(27, OrtStatus *, CustomOpDomain_Add, (OrtCustomOpDomain *, const OrtCustomOp *))
ENTRY(28, OrtStatus *, AddCustomOpDomain, (OrtSessionOptions *, OrtCustomOpDomain *))
ENTRY(33, OrtStatus *, SessionGetInputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **out))
ENTRY(34, OrtStatus *, SessionGetOutputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **out))
ENTRY(39, OrtStatus *, CreateRunOptions, (OrtRunOptions **out))
ENTRY(46, OrtStatus *, RunOptionsSetTerminate, (OrtRunOptions *))
ENTRY(47, OrtStatus *, RunOptionsUnsetTerminate, (OrtRunOptions *))
ENTRY(9, OrtStatus *, Run,
      (OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs, size_t input_len,
       const char *const *output_names, size_t output_names_len, OrtValue **outputs))
ENTRY(48, OrtStatus *, CreateTensorAsOrtValue, (OrtAllocator *, const int64_t *shape, size_t shape_len, int type, OrtValue **out))
ENTRY(49, OrtStatus *, CreateTensorWithDataAsOrtValue,
      (const OrtMemoryInfo *, void *data, size_t data_len, const int64_t *shape, size_t shape_len, int type, OrtValue **out))
ENTRY(51, OrtStatus *, GetTensorMutableData, (OrtValue *, void **out))
ENTRY(53, OrtStatus *, GetStringTensorDataLength, (const OrtValue *, size_t *len))
ENTRY(54, OrtStatus *, GetStringTensorContent, (const OrtValue *, void *s, size_t s_len, size_t *offsets, size_t offsets_len))
ENTRY(55, OrtStatus *, CastTypeInfoToTensorInfo, (const OrtTypeInfo *, const OrtTensorTypeAndShapeInfo **out))
ENTRY(57, OrtStatus *, CreateTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo **out))
ENTRY(58, OrtStatus *, SetTensorElementType, (OrtTensorTypeAndShapeInfo *, int type))
ENTRY(59, OrtStatus *, SetDimensions, (OrtTensorTypeAndShapeInfo *, const int64_t *dim_values, size_t dim_count))
ENTRY(60, OrtStatus *, GetTensorElementType, (const OrtTensorTypeAndShapeInfo *, int *out))
ENTRY(61, OrtStatus *, GetDimensionsCount, (const OrtTensorTypeAndShapeInfo *, size_t *out))
ENTRY(62, OrtStatus *, GetDimensions, (const OrtTensorTypeAndShapeInfo *, int64_t *dim_values, size_t dim_values_length))
ENTRY(63, OrtStatus *, GetSymbolicDimensions, (const OrtTensorTypeAndShapeInfo *, const char **dim_params, size_t dim_params_length))
ENTRY(65, OrtStatus *, GetTensorTypeAndShape, (const OrtValue *, OrtTensorTypeAndShapeInfo **out))
ENTRY(67, OrtStatus *, GetValueType, (const OrtValue *, int *out))
ENTRY(68, OrtStatus *, CreateMemoryInfo, (const char *name, int allocator_type, int id, int mem_type, OrtMemoryInfo **out))
ENTRY(69, OrtStatus *, CreateCpuMemoryInfo, (int allocator_type, int mem_type, OrtMemoryInfo **out))
ENTRY(75, OrtStatus *, AllocatorAlloc, (OrtAllocator *, size_t size, void **out))
ENTRY(76, OrtStatus *, AllocatorFree, (OrtAllocator *, void *p))
ENTRY(78, OrtStatus *, GetAllocatorWithDefaultOptions, (OrtAllocator **out))
ENTRY(80, OrtStatus *, GetValue, (const OrtValue *, int index, OrtAllocator *, OrtValue **out))
ENTRY(81, OrtStatus *, GetValueCount, (const OrtValue *, size_t *out))
ENTRY(82, OrtStatus *, CreateValue, (const OrtValue *const *in, size_t num_values, int value_type, OrtValue **out))
ENTRY(86, OrtStatus *, KernelInfoGetAttribute_int64, (const OrtKernelInfo *, const char *name, int64_t *out))
ENTRY(85, OrtStatus *, KernelInfoGetAttribute_float, (const OrtKernelInfo *, const char *name, float *out))
ENTRY(87, OrtStatus *, KernelInfoGetAttribute_string, (const OrtKernelInfo *, const char *name, char *out, size_t *size))
ENTRY(88, OrtStatus *, KernelContext_GetInputCount, (const OrtKernelContext *, size_t *out))
ENTRY(89, OrtStatus *, KernelContext_GetOutputCount, (const OrtKernelContext *, size_t *out))
ENTRY(90, OrtStatus *, KernelContext_GetInput, (const OrtKernelContext *, size_t index, const OrtValue **out))
ENTRY(91, OrtStatus *, KernelContext_GetOutput,
      (OrtKernelContext *, size_t index, const int64_t *dim_values, size_t dim_count, OrtValue **out))
ENTRY(93, void, ReleaseStatus, (OrtStatus *))
ENTRY(94, void, ReleaseMemoryInfo, (OrtMemoryInfo *))
ENTRY(96, void, ReleaseValue, (OrtValue *))
ENTRY(97, void, ReleaseRunOptions, (OrtRunOptions *))
ENTRY(98, void, ReleaseTypeInfo, (OrtTypeInfo *))
ENTRY(99, void, ReleaseTensorTypeAndShapeInfo, (OrtTensorTypeAndShapeInfo *))
ENTRY(110, OrtStatus *, SessionEndProfiling, (OrtSession *, OrtAllocator *, char **out))
ENTRY(124, OrtStatus *, AddFreeDimensionOverrideByName, (OrtSessionOptions *, const char *dim_name, int64_t dim_value))
ENTRY(125, OrtStatus *, GetAvailableProviders, (char ***out_ptr, int *provider_length))
ENTRY(126, OrtStatus *, ReleaseAvailableProviders, (char **ptr, int providers_length))
ENTRY(132, void, ReleaseAllocator, (OrtAllocator *))
ENTRY(133, OrtStatus *, RunWithBinding, (OrtSession *, const OrtRunOptions *, const OrtIoBinding *))
ENTRY(134, OrtStatus *, CreateIoBinding, (OrtSession *, OrtIoBinding **out))
ENTRY(135, void, ReleaseIoBinding, (OrtIoBinding *))
ENTRY(136, OrtStatus *, BindInput, (OrtIoBinding *, const char *name, const OrtValue *))
ENTRY(137, OrtStatus *, BindOutput, (OrtIoBinding *, const char *name, const OrtValue *))
ENTRY(138, OrtStatus *, BindOutputToDevice, (OrtIoBinding *, const char *name, const OrtMemoryInfo *))
ENTRY(140, OrtStatus *, GetBoundOutputValues, (const OrtIoBinding *, OrtAllocator *, OrtValue ***output, size_t *output_count))
ENTRY(141, void, ClearBoundInputs, (OrtIoBinding *))
ENTRY(163, OrtStatus *, KernelInfoGetAttributeArray_int64, (const OrtKernelInfo *, const char *name, int64_t *out, size_t *size))
ENTRY(165, OrtStatus *, AddRunConfigEntry, (OrtRunOptions *, const char *config_key, const char *config_value))
ENTRY(192, OrtStatus *, HasValue, (const OrtValue *, int *out))
ENTRY(202, OrtStatus *, SynchronizeBoundInputs, (OrtIoBinding *))
ENTRY(203, OrtStatus *, SynchronizeBoundOutputs, (OrtIoBinding *))
ENTRY(210, OrtStatus *, AddExternalInitializers,
      (OrtSessionOptions *, const char *const *initializer_names, const OrtValue *const *initializers, size_t num_initializers))
ENTRY(230, OrtStatus *, KernelInfo_GetInputCount, (const OrtKernelInfo *, size_t *out))
ENTRY(231, OrtStatus *, KernelInfo_GetOutputCount, (const OrtKernelInfo *, size_t *out))
ENTRY(234, OrtStatus *, KernelInfo_GetInputTypeInfo, (const OrtKernelInfo *, size_t index, OrtTypeInfo **type_info))
ENTRY(249, OrtStatus *, KernelInfoGetConstantInput_tensor,
      (const OrtKernelInfo *, size_t index, int *is_constant, const OrtValue **out))
ENTRY(252, OrtStatus *, GetResizedStringTensorElementBuffer, (OrtValue *, size_t index, size_t length_in_bytes, char **buffer))
ENTRY(253, OrtStatus *, KernelContext_GetAllocator, (const OrtKernelContext *, const OrtMemoryInfo *, OrtAllocator **out))
ENTRY(267, OrtStatus *, ShapeInferContext_GetInputCount, (const OrtShapeInferContext *, size_t *out))
ENTRY(268, OrtStatus *, ShapeInferContext_GetInputTypeShape,
      (const OrtShapeInferContext *, size_t index, OrtTensorTypeAndShapeInfo **info))
ENTRY(269, OrtStatus *, ShapeInferContext_GetAttribute, (const OrtShapeInferContext *, const char *attr_name, const OrtOpAttr **attr))
ENTRY(270, OrtStatus *, ShapeInferContext_SetOutputTypeShape,
      (const OrtShapeInferContext *, size_t index, const OrtTensorTypeAndShapeInfo *info))
ENTRY(271, OrtStatus *, SetSymbolicDimensions,
      (OrtTensorTypeAndShapeInfo *, const char **dim_params, size_t dim_params_length))
ENTRY(272, OrtStatus *, ReadOpAttr, (const OrtOpAttr *, int type, void *data, size_t len, size_t *out))
ENTRY(273, OrtStatus *, SetDeterministicCompute, (OrtSessionOptions *, _Bool value))
ENTRY(274, OrtStatus *, KernelContext_ParallelFor,
      (const OrtKernelContext *, void (*fn)(void *, size_t), size_t total, size_t num_batch, void *usr_data))
ENTRY(297, const char *, GetKeyValue, (const OrtKeyValuePairs *, const char *key))
ENTRY(300, void, ReleaseKeyValuePairs, (OrtKeyValuePairs *))
ENTRY(378, OrtStatus *, GetTensorData, (const OrtValue *, const void **out))
ENTRY(391, OrtStatus *, KernelInfo_GetConfigEntries, (const OrtKernelInfo *, OrtKeyValuePairs **out))
ENTRY(407, OrtStatus *, Session_GetEpGraphAssignmentInfo,
      (const OrtSession *, const OrtEpAssignedSubgraph *const **ep_subgraphs, size_t *num_ep_subgraphs))
ENTRY(408, OrtStatus *, EpAssignedSubgraph_GetEpName, (const OrtEpAssignedSubgraph *, const char **out))
ENTRY(409, OrtStatus *, EpAssignedSubgraph_GetNodes,
      (const OrtEpAssignedSubgraph *, const OrtEpAssignedNode *const **ep_nodes, size_t *num_ep_nodes))
ENTRY(412, OrtStatus *, EpAssignedNode_GetOperatorType, (const OrtEpAssignedNode *, const char **out))

// astronnx_ort is the table in use; set once, before anything else here is called. While a thread serves another ONNX Runtime than
// ours, ax_foreign is that one's; see foreign.c.
extern void *const *astronnx_ort;
extern _Thread_local void *const *ax_foreign __attribute__((tls_model("initial-exec")));
#define ORT(name) ((name##_fn)(ax_foreign ? ax_foreign : astronnx_ort)[name##_at])

// OrtCustomOp as ONNX Runtime reads it: the fields up to struct version 17, in its order.
struct OrtCustomOp {
	uint32_t version;
	void *(*CreateKernel)(const struct OrtCustomOp *, const OrtApi *, const OrtKernelInfo *);
	const char *(*GetName)(const struct OrtCustomOp *);
	const char *(*GetExecutionProviderType)(const struct OrtCustomOp *);
	int (*GetInputType)(const struct OrtCustomOp *, size_t index);
	size_t (*GetInputTypeCount)(const struct OrtCustomOp *);
	int (*GetOutputType)(const struct OrtCustomOp *, size_t index);
	size_t (*GetOutputTypeCount)(const struct OrtCustomOp *);
	void (*KernelCompute)(void *kernel, OrtKernelContext *);
	void (*KernelDestroy)(void *kernel);
	int (*GetInputCharacteristic)(const struct OrtCustomOp *, size_t index);
	int (*GetOutputCharacteristic)(const struct OrtCustomOp *, size_t index);
	int (*GetInputMemoryType)(const struct OrtCustomOp *, size_t index);
	int (*GetVariadicInputMinArity)(const struct OrtCustomOp *);
	int (*GetVariadicInputHomogeneity)(const struct OrtCustomOp *);
	int (*GetVariadicOutputMinArity)(const struct OrtCustomOp *);
	int (*GetVariadicOutputHomogeneity)(const struct OrtCustomOp *);
	OrtStatus *(*CreateKernelV2)(const struct OrtCustomOp *, const OrtApi *, const OrtKernelInfo *, void **kernel);
	OrtStatus *(*KernelComputeV2)(void *kernel, OrtKernelContext *);
	OrtStatus *(*InferOutputShapeFn)(const struct OrtCustomOp *, OrtShapeInferContext *);
	int (*GetStartVersion)(const struct OrtCustomOp *);
	int (*GetEndVersion)(const struct OrtCustomOp *);
	size_t (*GetMayInplace)(int **input_index, int **output_index);
	void (*ReleaseMayInplace)(int *input_index, int *output_index);
	size_t (*GetAliasMap)(int **input_index, int **output_index);
	void (*ReleaseAliasMap)(int *input_index, int *output_index);
};

#endif
