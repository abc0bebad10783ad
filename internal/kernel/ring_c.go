//go:build cgo && !purego

package kernel

import (
	"unsafe"

	"github.com/astronnx/astronnx/internal/kernel/c"
)

// HasRingFFT says whether this build has RingFFT's sums.
const HasRingFFT = true

// Synth computes the pixels of rings from their waves m = 0 to count-1, which stand step
// apart.
func (r *RingFFT) Synth(path Path, count, step int, shifted bool, pairs []RingPair, waves []complex128, maps, scratch []float64) {
	r.check(count, step, pairs, waves, maps, scratch)
	p, _ := c.RingPath(int(path))
	p.Synth(r.npix, count, step, shifted, r.radix, r.twiddle, r.root, r.phases, len(pairs), unsafe.Pointer(unsafe.SliceData(pairs)),
		parts(waves), maps, scratch)
}

// Analyse computes the waves m = 0 to count-1 of rings from their pixels: their weight times Σ_j x[j] exp(-iπ m (2j+s)/npix).
func (r *RingFFT) Analyse(path Path, count, step int, shifted bool, pairs []RingPair, waves []complex128, maps, scratch []float64) {
	r.check(count, step, pairs, waves, maps, scratch)
	p, _ := c.RingPath(int(path))
	p.Analyse(r.npix, count, step, shifted, r.radix, r.twiddle, r.root, r.phases, len(pairs), unsafe.Pointer(unsafe.SliceData(pairs)),
		parts(waves), maps, scratch)
}

// parts returns real and imaginary parts by turns.
func parts(z []complex128) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(z))), 2*len(z))
}
