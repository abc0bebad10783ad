// Fourier sums along rings of pixels, many rings of one length at once; package kernel says what is computed.
#ifndef ASTRONNX_RING_H
#define ASTRONNX_RING_H

#include "legendre.h"

#pragma GCC visibility push(hidden)

// Where a pair of rings stands: its waves and pixels, in numbers from the beginning; south is -1 where there is no second ring.
typedef struct {
	int64_t north_waves, south_waves, north, south;
	double weight; // of the pixels, where they are analysed
} ring_pair;

typedef struct {
	int64_t npix, count, step; // pixels of a ring; waves m = 0 to count - 1 and from each to the next
	int shifted;
	int64_t stages;
	const int64_t *radix;  // of each stage; their product is npix
	const double *twiddle; // of each stage with n left: exp(2πi pk/n), [n / radix][radix]
	const double *root;    // of each stage: exp(2πi jk/radix), [radix][radix]
	const double *phase;   // exp(πik/npix), k ≤ npix/2
} ring_shape;

typedef struct {
	// scratch holds 8 (6 npix + 4) numbers.
	void (*synth)(const ring_shape *s, int64_t n, const ring_pair *pairs, const double *waves, double *maps, double *scratch);
	void (*analyse)(const ring_shape *s, int64_t n, const ring_pair *pairs, double *waves, const double *maps, double *scratch);

	// The same of `count` maps of a bundle, whose pixels stand `map` apart and whose waves [2][BUNDLE] together: pairs say where
	// those of the first map are, and as before what counts waves counts two numbers.
	void (*synth_bundle)(const ring_shape *s, int64_t n, const ring_pair *pairs, int64_t count, int64_t map, const double *waves,
	                     double *maps, double *scratch);
	void (*analyse_bundle)(const ring_shape *s, int64_t n, const ring_pair *pairs, int64_t count, int64_t map, double *waves,
	                       const double *maps, double *scratch);
} ring_path;

// NULL if the processor lacks the path's instructions.
const ring_path *ring_path_of(int which);

#pragma GCC visibility pop
#endif
