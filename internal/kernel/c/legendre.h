// Sums over l of Wigner d-functions at many colatitudes, and their adjoint; package kernel says what is computed.
#ifndef ASTRONNX_LEGENDRE_H
#define ASTRONNX_LEGENDRE_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct {
	int64_t n;       // colatitudes, a multiple of 16
	int64_t count;   // of l, a multiple of 8
	const double *c, *d;               // count + 2 each
	const double *x, *start, *scale;   // n each
} legendre;

typedef struct {
	// out[map][4][n] = sums of a[map][count][spin ? 4 : 2]
	void (*synth)(const legendre *g, int spin, int64_t maps, const double *a, double *out);
	// out[map][count][spin ? 4 : 2] = sums of in[map][4][n]; scratch holds 8 times a map's out.
	void (*analyse)(const legendre *g, int spin, int64_t maps, const double *in, double *out, double *scratch);
} legendre_path;

// NULL if the processor lacks the path's instructions.
const legendre_path *legendre_path_of(int which);

#pragma GCC visibility pop
#endif
