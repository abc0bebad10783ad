//go:build !cgo || purego

package kernel

// HasRingFFT says whether this build has RingFFT's sums.
const HasRingFFT = false

// Synth panics: HasRingFFT is false.
func (r *RingFFT) Synth(Path, int, int, bool, []RingPair, []complex128, []float64, []float64) {
	panic("kernel: no Fourier sums of rings in a build of Go alone")
}

// Analyse panics: HasRingFFT is false.
func (r *RingFFT) Analyse(Path, int, int, bool, []RingPair, []complex128, []float64, []float64) {
	panic("kernel: no Fourier sums of rings in a build of Go alone")
}
