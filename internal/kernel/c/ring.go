//go:build cgo && !purego

package c

/*
#include <stddef.h>
#include "ring.h"

static void ring_synth(const ring_path *p, int64_t npix, int64_t count, int64_t step, int shifted, int64_t stages, const int64_t *radix,
                       const double *twiddle, const double *root, const double *phase, int64_t n, const void *pairs,
                       const double *waves, double *maps, double *scratch) {
	ring_shape s = {npix, count, step, shifted, stages, radix, twiddle, root, phase};
	p->synth(&s, n, pairs, waves, maps, scratch);
}

static void ring_analyse(const ring_path *p, int64_t npix, int64_t count, int64_t step, int shifted, int64_t stages, const int64_t *radix,
                         const double *twiddle, const double *root, const double *phase, int64_t n, const void *pairs,
                         double *waves, const double *maps, double *scratch) {
	ring_shape s = {npix, count, step, shifted, stages, radix, twiddle, root, phase};
	p->analyse(&s, n, pairs, waves, maps, scratch);
}

static void ring_synth_bundle(const ring_path *p, int64_t npix, int64_t count, int64_t step, int shifted, int64_t stages,
                              const int64_t *radix, const double *twiddle, const double *root, const double *phase, int64_t n,
                              const void *pairs, int64_t maps, int64_t map, const double *waves, double *pixels, double *scratch) {
	ring_shape s = {npix, count, step, shifted, stages, radix, twiddle, root, phase};
	p->synth_bundle(&s, n, pairs, maps, map, waves, pixels, scratch);
}

static void ring_analyse_bundle(const ring_path *p, int64_t npix, int64_t count, int64_t step, int shifted, int64_t stages,
                                const int64_t *radix, const double *twiddle, const double *root, const double *phase, int64_t n,
                                const void *pairs, int64_t maps, int64_t map, double *waves, const double *pixels, double *scratch) {
	ring_shape s = {npix, count, step, shifted, stages, radix, twiddle, root, phase};
	p->analyse_bundle(&s, n, pairs, maps, map, waves, pixels, scratch);
}
*/
import "C"

import "unsafe"

// Ring is a ring_path; the zero value is none.
type Ring struct{ p *C.ring_path }

// RingPath is ring_path_of.
func RingPath(path int) (r Ring, ok bool) {
	p := C.ring_path_of(C.int(path))
	return Ring{p}, p != nil
}

// Synth is synth; pairs points to n ring_pair.
func (r Ring) Synth(npix, count, step int, shifted bool, radix []int64, twiddle, root, phase []float64, n int, pairs unsafe.Pointer,
	waves, maps, scratch []float64) {
	C.ring_synth(r.p, C.int64_t(npix), C.int64_t(count), C.int64_t(step), flag(shifted), C.int64_t(len(radix)), (*C.int64_t)(unsafe.SliceData(radix)),
		doubles(twiddle), doubles(root), doubles(phase), C.int64_t(n), pairs, doubles(waves), doubles(maps), doubles(scratch))
}

// Analyse is analyse; pairs points to n ring_pair.
func (r Ring) Analyse(npix, count, step int, shifted bool, radix []int64, twiddle, root, phase []float64, n int, pairs unsafe.Pointer,
	waves, maps, scratch []float64) {
	C.ring_analyse(r.p, C.int64_t(npix), C.int64_t(count), C.int64_t(step), flag(shifted), C.int64_t(len(radix)), (*C.int64_t)(unsafe.SliceData(radix)),
		doubles(twiddle), doubles(root), doubles(phase), C.int64_t(n), pairs, doubles(waves), doubles(maps), doubles(scratch))
}

// SynthBundle is synth_bundle; pairs points to n ring_pair.
func (r Ring) SynthBundle(npix, count, step int, shifted bool, radix []int64, twiddle, root, phase []float64, n int, pairs unsafe.Pointer,
	maps, apart int, waves, pixels, scratch []float64) {
	C.ring_synth_bundle(r.p, C.int64_t(npix), C.int64_t(count), C.int64_t(step), flag(shifted), C.int64_t(len(radix)), (*C.int64_t)(unsafe.SliceData(radix)),
		doubles(twiddle), doubles(root), doubles(phase), C.int64_t(n), pairs, C.int64_t(maps), C.int64_t(apart), doubles(waves), doubles(pixels), doubles(scratch))
}

// AnalyseBundle is analyse_bundle; pairs points to n ring_pair.
func (r Ring) AnalyseBundle(npix, count, step int, shifted bool, radix []int64, twiddle, root, phase []float64, n int, pairs unsafe.Pointer,
	maps, apart int, waves, pixels, scratch []float64) {
	C.ring_analyse_bundle(r.p, C.int64_t(npix), C.int64_t(count), C.int64_t(step), flag(shifted), C.int64_t(len(radix)), (*C.int64_t)(unsafe.SliceData(radix)),
		doubles(twiddle), doubles(root), doubles(phase), C.int64_t(n), pairs, C.int64_t(maps), C.int64_t(apart), doubles(waves), doubles(pixels), doubles(scratch))
}
