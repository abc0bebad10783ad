//go:build cgo && !purego

#include "train.h"
#include "internal.h"

#include <math.h>
#include <string.h>

typedef float v4 __attribute__((vector_size(16)));

#if defined(__x86_64__)
#include <immintrin.h>

#define BYTES 64
#define ROOT _mm512_sqrt_ps
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define NAME(x) x##_avx512
#include "train_kernel.h"

#define BYTES 32
#define ROOT _mm256_sqrt_ps
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include "train_kernel.h"
#endif

static inline v4 root4(v4 v) { return (v4){sqrtf(v[0]), sqrtf(v[1]), sqrtf(v[2]), sqrtf(v[3])}; }

#define BYTES 16
#define ROOT root4
#define TARGET
#define NAME(x) x##_portable
#include "train_kernel.h"

const astronnx_train_api *train_path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &train_avx512;
	if (p == &conv_avx2) return &train_avx2;
#endif
	return p == NULL ? NULL : &train_portable;
}
