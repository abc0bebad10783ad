//go:build cgo && !purego

package c

/*
#include "convnd_internal.h"

extern void astronnxGoParallelFor(void *ctx, void *fn, size_t total, void *usr);

static void each(void *ctx, void (*fn)(void *, size_t), size_t total, void *usr) {
	astronnxGoParallelFor(ctx, (void *)fn, total, usr);
}

static int convnd(const int64_t *v, int op, const float *a, const float *b, const float *bias, float *result, int path, int threads) {
	const astronnx_convnd_shape s = {v[0], v[1], v[2], {v[3], v[4], v[5]}, {v[6], v[7], v[8]}, {v[9], v[10], v[11]},
	                                 {v[12], v[13], v[14]}, {v[15], v[16], v[17]}};
	const astronnx_convnd_api *api = convnd_table();
	const size_t bytes = api->scratch_bytes(&s, op);
	if (bytes == SIZE_MAX) return ASTRONNX_CONV_BAD_SIZE;
	void *scratch = conv_alloc((int64_t)bytes, 1);
	if (scratch == NULL) return ASTRONNX_CONV_NO_MEMORY;
	const astronnx_convnd_args args = {op, a, b, bias, result, path, threads, threads > 1 ? each : NULL, (void *)(intptr_t)threads, scratch};
	const int status = api->run(&s, &args);
	conv_free(scratch);
	return status;
}
*/
import "C"

import "unsafe"

// ConvNDTable returns the address of the kernel's function table, an astronnx_convnd_api of convnd.h. It is static and read-only.
func ConvNDTable() unsafe.Pointer { return unsafe.Pointer(C.convnd_table()) }

// ConvND runs an operation of convnd.h over a shape, an astronnx_convnd_shape as numbers, with `threads` goroutines.
func ConvND(shape *[18]int64, op int, a, b, bias, result *float32, path, threads int) int {
	return int(C.convnd((*C.int64_t)(&shape[0]), C.int(op), (*C.float)(a), (*C.float)(b), (*C.float)(bias), (*C.float)(result),
		C.int(path), C.int(threads)))
}
