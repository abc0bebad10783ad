//go:build cgo && !purego

package c

/*
#include "legendre.h"

static void legendre_synth(const legendre_path *p, legendre g, int spin, int64_t maps, const double *a, double *out) {
	p->synth(&g, spin, maps, a, out);
}

static void legendre_analyse(const legendre_path *p, legendre g, int spin, int64_t maps, const double *in, double *out, double *scratch) {
	p->analyse(&g, spin, maps, in, out, scratch);
}

static void legendre_synth_bundle(const legendre_path *p, legendre g, legendre h, legendre_bundle t, const double *alm, double *waves,
                                  double *scratch) {
	p->synth_bundle(&g, h.n > 0 ? &h : 0, &t, alm, waves, scratch);
}

static void legendre_analyse_bundle(const legendre_path *p, legendre g, legendre h, legendre_bundle t, double *alm,
                                    const double *waves, double *scratch) {
	p->analyse_bundle(&g, h.n > 0 ? &h : 0, &t, alm, waves, scratch);
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

// Functions are a legendre; the zero value is none.
type Functions struct {
	Count                 int
	C, D, X, Start, Scale []float64
}

func (f Functions) c() C.legendre {
	return C.legendre{C.int64_t(len(f.X)), C.int64_t(f.Count), doubles(f.C), doubles(f.D), doubles(f.X), doubles(f.Start), doubles(f.Scale)}
}

// Bundle is a legendre_bundle.
type Bundle struct {
	Maps, Terms, Rings int
	Norm               []float64
	Parity             float64
	Map, Field         int
	South, Plane       int
}

func (b Bundle) c() C.legendre_bundle {
	return C.legendre_bundle{C.int64_t(b.Maps), C.int64_t(b.Terms), C.int64_t(b.Rings), doubles(b.Norm), C.double(b.Parity),
		C.int64_t(b.Map), C.int64_t(b.Field), C.int64_t(b.South), C.int64_t(b.Plane)}
}

func doubles(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }

// Synth is synth; a and out are long enough.
func (g Legendre) Synth(f Functions, spin bool, maps int, a, out []float64) {
	C.legendre_synth(g.p, f.c(), flag(spin), C.int64_t(maps), doubles(a), doubles(out))
}

// Analyse is analyse; in, out and scratch are long enough.
func (g Legendre) Analyse(f Functions, spin bool, maps int, in, out, scratch []float64) {
	C.legendre_analyse(g.p, f.c(), flag(spin), C.int64_t(maps), doubles(in), doubles(out), doubles(scratch))
}

// SynthBundle is synth_bundle; alm, waves and scratch are long enough.
func (g Legendre) SynthBundle(f, h Functions, b Bundle, alm, waves, scratch []float64) {
	C.legendre_synth_bundle(g.p, f.c(), h.c(), b.c(), doubles(alm), doubles(waves), doubles(scratch))
}

// AnalyseBundle is analyse_bundle; alm, waves and scratch are long enough.
func (g Legendre) AnalyseBundle(f, h Functions, b Bundle, alm, waves, scratch []float64) {
	C.legendre_analyse_bundle(g.p, f.c(), h.c(), b.c(), doubles(alm), doubles(waves), doubles(scratch))
}
