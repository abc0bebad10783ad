//go:build cgo && !purego

#include "ring.h"
#include "internal.h"

#include <stdbool.h>
#include <string.h>

#define KERNEL "ring_kernel.h"
#include "each_path.h"

const ring_path *ring_path_of(int which) {
	const path *p = conv_path(which);
#if defined(__x86_64__)
	if (p == &conv_avx512) return &ring_avx512;
	if (p == &conv_avx2) return &ring_avx2;
#endif
	return p == NULL ? NULL : &ring_portable;
}
