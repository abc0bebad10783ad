package kernel

import "math"

// RingPair says where two rings of a sphere stand that have the same number of pixels: their first pixels and their waves, m =
// 0, 1, …, in numbers from the beginning of what holds them. South is -1 where there is one ring only.
// Weight multiplies what is analysed.
type RingPair struct {
	NorthWaves, SouthWaves, North, South int64
	Weight                               float64
}

// RingFFT computes Fourier sums of rings of one number of pixels, a multiple of 4. It is immutable and safe for use by many
// goroutines. A pure-Go build has none.
//
// Pixel j of a ring and its waves f are related by
//
//	x[j] = Re Σ_m (m > 0 ? 2 : 1) f[m] exp(iπ m (2j+s)/npix)
//
// with s = 1 where the ring is shifted.
type RingFFT struct {
	npix                  int
	radix                 []int64
	twiddle, root, phases []float64
}

// NewRingFFT returns the sums of rings of npix pixels. The work grows with the sum of npix's prime factors.
func NewRingFFT(npix int) *RingFFT {
	if npix < 4 || npix%4 != 0 {
		panic("kernel: a ring has a multiple of 4 pixels")
	}
	r := &RingFFT{npix: npix}
	for n := npix; n > 1; {
		p := 4
		if n%4 != 0 {
			for p = 2; n%p != 0; p++ {
			}
		}
		r.radix = append(r.radix, int64(p))
		for j := range n / p {
			for k := range p {
				r.twiddle = append(r.twiddle, turn(j*k, n)...)
			}
		}
		for j := range p {
			for k := range p {
				r.root = append(r.root, turn(j*k, p)...)
			}
		}
		n /= p
	}
	for k := range npix/2 + 1 {
		r.phases = append(r.phases, turn(k, 2*npix)...)
	}
	return r
}

// turn returns the real and imaginary parts of exp(2πik/n).
func turn(k, n int) []float64 {
	sin, cos := math.Sincos(2 * math.Pi * float64(k%n) / float64(n))
	return []float64{cos, sin}
}

// Scratch returns the number of numbers that Synth and Analyse need.
func (r *RingFFT) Scratch() int { return 8 * (6*r.npix + 4) }

func (r *RingFFT) check(count, step int, pairs []RingPair, waves []complex128, maps, scratch []float64) {
	ok := len(scratch) >= r.Scratch() && count >= 1 && step >= 1
	span := (count-1)*step + 1
	for _, p := range pairs {
		ok = ok && within(p.North, r.npix, len(maps)) && within(p.NorthWaves, span, len(waves))
		if p.South >= 0 {
			ok = ok && within(p.South, r.npix, len(maps)) && within(p.SouthWaves, span, len(waves))
		}
	}
	if !ok {
		panic("kernel: rings reach beyond their maps")
	}
}

// checkBundle is check for the maps of a bundle.
func (r *RingFFT) checkBundle(count, step int, pairs []RingPair, apart, bundle int, waves []complex128, maps, scratch []float64) {
	if bundle < 1 || bundle > Bundle || apart < r.npix {
		panic("kernel: malformed bundle")
	}
	r.check(count, step, pairs, waves[:max(0, len(waves)-Bundle+1)], maps[:max(0, len(maps)-(bundle-1)*apart)], scratch)
}

func within(at int64, n, of int) bool { return at >= 0 && at <= int64(of-n) }
