//go:build !cgo || purego

package kernel

// HasBundles says whether this build has the sums of bundles.
const HasBundles = false

// Synth panics: HasBundles is false.
func (LegendreBundle) Synth(_, _ *Legendre, _, _ []complex128, _ []float64) { panic(noBundles) }

// Analyse panics: HasBundles is false.
func (LegendreBundle) Analyse(_, _ *Legendre, _, _ []complex128, _ []float64) { panic(noBundles) }

// SynthBundle panics: HasBundles is false.
func (r *RingFFT) SynthBundle(Path, int, int, bool, []RingPair, int, int, []complex128, []float64, []float64) {
	panic(noBundles)
}

// AnalyseBundle panics: HasBundles is false.
func (r *RingFFT) AnalyseBundle(Path, int, int, bool, []RingPair, int, int, []complex128, []float64, []float64) {
	panic(noBundles)
}

const noBundles = "kernel: no sums of bundles in a build of Go alone"
