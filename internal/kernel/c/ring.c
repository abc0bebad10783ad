//go:build cgo && !purego

#include "ring.h"
#include "internal.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define BYTES 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define NAME(x) x##_avx512
#include "ring_kernel.h"

#define BYTES 32
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include "ring_kernel.h"
#endif

#define BYTES 16
#define TARGET
#define NAME(x) x##_portable
#include "ring_kernel.h"

const ring_path *ring_path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &ring_avx512;
	if (p == &conv_avx2) return &ring_avx2;
#endif
	return p == NULL ? NULL : &ring_portable;
}
