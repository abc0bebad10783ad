//go:build cgo && !purego

#include "gemm.h"
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define AVX2 __attribute__((target("avx2,fma")))

#define T float
#define BYTES 64
#define MR 12
#define TARGET AVX512
#define NAME(x) x##_f32_avx512
#include "gemm_kernel.h"

#define T double
#define BYTES 64
#define MR 12
#define TARGET AVX512
#define NAME(x) x##_f64_avx512
#include "gemm_kernel.h"

#define T float
#define BYTES 32
#define MR 6
#define TARGET AVX2
#define NAME(x) x##_f32_avx2
#include "gemm_kernel.h"

#define T double
#define BYTES 32
#define MR 6
#define TARGET AVX2
#define NAME(x) x##_f64_avx2
#include "gemm_kernel.h"
#endif

#define T float
#define BYTES 16
#define MR 6
#define TARGET
#define NAME(x) x##_f32_portable
#include "gemm_kernel.h"

#define T double
#define BYTES 16
#define MR 6
#define TARGET
#define NAME(x) x##_f64_portable
#include "gemm_kernel.h"

const gemm_path *gemm_path_of(int which, int bytes) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return bytes == 4 ? &gemm_f32_avx512 : &gemm_f64_avx512;
	if (p == &conv_avx2) return bytes == 4 ? &gemm_f32_avx2 : &gemm_f64_avx2;
#endif
	return p == NULL ? NULL : bytes == 4 ? &gemm_f32_portable : &gemm_f64_portable;
}
