//go:build cgo && !purego

package c

/*
#include "legendre.h"

static void legendre_synth(const legendre_path *p, int64_t n, int64_t count, const double *c, const double *d, const double *x,
                           const double *start, const double *scale, int spin, int64_t maps, const double *a, double *out) {
	legendre g = {n, count, c, d, x, start, scale};
	p->synth(&g, spin, maps, a, out);
}

static void legendre_analyse(const legendre_path *p, int64_t n, int64_t count, const double *c, const double *d, const double *x,
                             const double *start, const double *scale, int spin, int64_t maps, const double *in, double *out,
                             double *scratch) {
	legendre g = {n, count, c, d, x, start, scale};
	p->analyse(&g, spin, maps, in, out, scratch);
}
*/
import "C"

import "unsafe"

// Legendre is a legendre_path; the zero value is none.
type Legendre struct{ p *C.legendre_path }

// LegendrePath is legendre_path_of.
func LegendrePath(path int) (g Legendre, ok bool) {
	p := C.legendre_path_of(C.int(path))
	return Legendre{p}, p != nil
}

func doubles(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }

// Synth is synth; x has n elements, a and out are long enough.
func (g Legendre) Synth(count int, c, d, x, start, scale []float64, spin bool, maps int, a, out []float64) {
	C.legendre_synth(g.p, C.int64_t(len(x)), C.int64_t(count), doubles(c), doubles(d), doubles(x), doubles(start), doubles(scale),
		flag(spin), C.int64_t(maps), doubles(a), doubles(out))
}

// Analyse is analyse; x has n elements, in, out and scratch are long enough.
func (g Legendre) Analyse(count int, c, d, x, start, scale []float64, spin bool, maps int, in, out, scratch []float64) {
	C.legendre_analyse(g.p, C.int64_t(len(x)), C.int64_t(count), doubles(c), doubles(d), doubles(x), doubles(start), doubles(scale),
		flag(spin), C.int64_t(maps), doubles(in), doubles(out), doubles(scratch))
}
