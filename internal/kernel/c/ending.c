//go:build cgo && !purego

#include "internal.h"

#include <string.h>

#if defined(__x86_64__)
#define BYTES 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define NAME(x) x##_avx512
#include "ending_kernel.h"

#define BYTES 32
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include "ending_kernel.h"
#endif

#define BYTES 16
#define TARGET
#define NAME(x) x##_portable
#include "ending_kernel.h"
