/* Loaded before libastronnx.so, this spoils what astronnx_model_run computes, in the way that FAULT names. */
#define _GNU_SOURCE
#include <astronnx.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

astronnx_status astronnx_model_run(astronnx_model *model, const astronnx_tensor *in, size_t n_in, astronnx_tensor *out, size_t n_out,
                                   astronnx_results **results, astronnx_error *error) {
	astronnx_status (*run)(astronnx_model *, const astronnx_tensor *, size_t, astronnx_tensor *, size_t, astronnx_results **,
	                       astronnx_error *) = dlsym(RTLD_NEXT, "astronnx_model_run");
	const char *fault = getenv("FAULT");
	if (strcmp(fault, "crash") == 0) abort();
	astronnx_status s = run(model, in, n_in, out, n_out, results, error);
	if (s || (strcmp(fault, results ? "allocated" : "written") != 0 && strcmp(fault, "both") != 0)) return s;
	for (size_t i = 0; i < n_out; i++)
		if (out[i].bytes > 0) ((char *)out[i].data)[out[i].bytes - 1] ^= 0x40;
	return s;
}
