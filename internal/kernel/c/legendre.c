//go:build cgo && !purego

#include "legendre.h"
#include "internal.h"

#include <string.h>

#define BASE 0x1p600  // a value is its number times BASE to the power of its scale
#define LARGE 0x1p400 // a number beyond this moves to the next scale

enum { SYNTH, ANALYSE, TABLE }; // what the functions are computed for

#if defined(__x86_64__)
#define BYTES 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define NAME(x) x##_avx512
#include "legendre_kernel.h"

#define BYTES 32
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include "legendre_kernel.h"
#endif

#define BYTES 16
#define TARGET
#define NAME(x) x##_portable
#include "legendre_kernel.h"

const legendre_path *legendre_path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &legendre_avx512;
	if (p == &conv_avx2) return &legendre_avx2;
#endif
	return p == NULL ? NULL : &legendre_portable;
}
