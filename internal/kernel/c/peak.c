//go:build cgo && !purego

#include "internal.h"

#if defined(__x86_64__)
#include <time.h>

static double seconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// A loop of independent fused multiply-adds on vectors of `lanes` floats, enough of them to hide their latency.
#define PEAK(name, lanes, target_attribute) \
	target_attribute static double name(void) { \
		typedef float vec __attribute__((vector_size(lanes * 4))); \
		enum { CHAINS = 12, TURNS = 1000000 }; \
		vec s[CHAINS], a = (vec){0} + 0.999f, b = (vec){0} + 1e-3f; \
		for (int i = 0; i < CHAINS; i++) s[i] = (vec){0} + (float)i; \
		double start = seconds(); \
		for (int k = 0; k < TURNS; k++) \
			for (int i = 0; i < CHAINS; i++) s[i] = s[i] * a + b; \
		for (int i = 1; i < CHAINS; i++) s[0] += s[i]; \
		volatile float keep = s[0][0]; \
		(void)keep; \
		return 2.0 * lanes * CHAINS * TURNS / (seconds() - start) * 1e-9; \
	}

PEAK(peak512, 16, __attribute__((target("avx512f,fma"))))
PEAK(peak256, 8, __attribute__((target("avx2,fma"))))
PEAK(peak128, 4, )
#endif

// The processor's arithmetic limit on a path, in GFLOP/s of one core; 0 where it is not measured.
double conv_peak(int which) {
#if defined(__x86_64__)
	const path *p = conv_path(which);
	if (p == &conv_avx512) return peak512();
	if (p == &conv_avx2) return peak256();
	if (p == &conv_portable) return peak128();
#else
	(void)which;
#endif
	return 0;
}
