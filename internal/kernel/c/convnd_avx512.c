//go:build cgo && !purego

#include "convnd_internal.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define LANES 16
#define ROWS1 8
#define ROWS2 8
#include "convnd_kernel.h"

const nd_path nd_avx512 = {LANES, outer, across};
#endif
