//go:build cgo && !purego

#include "legendre.h"
#include "internal.h"

#include <string.h>

#define BASE 0x1p600  // a value is its number times BASE to the power of its scale
#define LARGE 0x1p400 // a number beyond this moves to the next scale

enum { SYNTH, ANALYSE, TABLE }; // what the functions are computed for

#define KERNEL "legendre_kernel.h"
#include "each_path.h"

const legendre_path *legendre_path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &legendre_avx512;
	if (p == &conv_avx2) return &legendre_avx2;
#endif
	return p == NULL ? NULL : &legendre_portable;
}
