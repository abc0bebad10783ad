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

enum { BUNDLE = 8 }; // maps that are transformed side by side

// A bundle of maps, or of pairs E and B, Q and U, and where its numbers stand, counted in numbers. Alm are complex, of a map one
// behind the other from the first l on. Waves of a ring are [2][BUNDLE], real parts before imaginary.
typedef struct {
	int64_t maps;         // the first that are there; the others count as 0
	int64_t terms, rings; // of l and of colatitudes that are there, to g's padded ones
	const double *norm;   // of each l: multiplies alm
	double parity;        // (-1)^(l+m) of the first l
	int64_t map, field;   // from alm to those of the next map, and from E to B
	int64_t south;        // from the waves of the first ring to those of its image; each next is one ring nearer
	int64_t plane;        // from the waves of Q to those of U
} legendre_bundle;

typedef struct {
	// out[map][4][n] = sums of a[map][count][spin ? 4 : 2]
	void (*synth)(const legendre *g, int spin, int64_t maps, const double *a, double *out);
	// out[map][count][spin ? 4 : 2] = sums of in[map][4][n]; scratch holds 8 times a map's out.
	void (*analyse)(const legendre *g, int spin, int64_t maps, const double *in, double *out, double *scratch);

	// The same from alm to waves and back, for a bundle: g are the functions of spin 0, h NULL; or g of spin 2 and h of -2.
	// scratch holds (count + 32) (n + 32) numbers, twice that for spin 2.
	void (*synth_bundle)(const legendre *g, const legendre *h, const legendre_bundle *t, const double *alm, double *waves, double *scratch);
	void (*analyse_bundle)(const legendre *g, const legendre *h, const legendre_bundle *t, double *alm, const double *waves, double *scratch);
} legendre_path;

// NULL if the processor lacks the path's instructions.
const legendre_path *legendre_path_of(int which);

#pragma GCC visibility pop
#endif
