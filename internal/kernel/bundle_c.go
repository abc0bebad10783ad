//go:build cgo && !purego

package kernel

import (
	"unsafe"

	"github.com/astronnx/astronnx/internal/kernel/c"
)

// HasBundles says whether this build has the sums of bundles.
const HasBundles = true

func (b LegendreBundle) c(g, h *Legendre) (f, other c.Functions, bundle c.Bundle) {
	if h != nil {
		other = h.functions()
	}
	parity := 1.0
	if b.Odd {
		parity = -1
	}
	return g.functions(), other, c.Bundle{Maps: b.Maps, Terms: b.Terms, Rings: b.Rings, Norm: b.Norm, Parity: parity,
		Map: 2 * b.Map, Field: 2 * b.Field, South: 2 * b.South, Plane: 2 * b.Plane}
}

// Synth computes waves from alm, both of which begin where the first map's do. With h, g are the functions of spin 2 and h those of
// spin -2. Waves of a colatitude are Bundle real parts and as many imaginary ones; the next colatitude follows.
func (b LegendreBundle) Synth(g, h *Legendre, alm, waves []complex128, scratch []float64) {
	b.check(g, h, alm, waves, scratch)
	p, _ := c.LegendrePath(int(g.Path))
	f, other, t := b.c(g, h)
	p.SynthBundle(f, other, t, parts(alm), parts(waves), scratch)
}

// Analyse is the adjoint of Synth.
func (b LegendreBundle) Analyse(g, h *Legendre, alm, waves []complex128, scratch []float64) {
	b.check(g, h, alm, waves, scratch)
	p, _ := c.LegendrePath(int(g.Path))
	f, other, t := b.c(g, h)
	p.AnalyseBundle(f, other, t, parts(alm), parts(waves), scratch)
}

// SynthBundle is Synth of `maps` maps of a bundle whose pixels stand `apart`: pairs say where those of the first are. Waves are as
// LegendreBundle has them, those of the next m step further.
func (r *RingFFT) SynthBundle(path Path, count, step int, shifted bool, pairs []RingPair, apart, bundle int, waves []complex128,
	maps, scratch []float64) {
	r.checkBundle(count, step, pairs, apart, bundle, waves, maps, scratch)
	p, _ := c.RingPath(int(path))
	p.SynthBundle(r.npix, count, step, shifted, r.radix, r.twiddle, r.root, r.phases, len(pairs), unsafe.Pointer(unsafe.SliceData(pairs)),
		bundle, apart, parts(waves), maps, scratch)
}

// AnalyseBundle is Analyse of maps of a bundle, as SynthBundle has them.
func (r *RingFFT) AnalyseBundle(path Path, count, step int, shifted bool, pairs []RingPair, apart, bundle int, waves []complex128,
	maps, scratch []float64) {
	r.checkBundle(count, step, pairs, apart, bundle, waves, maps, scratch)
	p, _ := c.RingPath(int(path))
	p.AnalyseBundle(r.npix, count, step, shifted, r.radix, r.twiddle, r.root, r.phases, len(pairs), unsafe.Pointer(unsafe.SliceData(pairs)),
		bundle, apart, parts(waves), maps, scratch)
}
