//go:build cgo && !purego

#include "convnd_internal.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define ROWS1 8
#define ROWS2 6
#include "convnd_kernel.h"

const nd_path nd_avx2 = {LANES, outer, across};
#endif
