package kernel

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// The sums as they are defined, for lengths of every kind of factor, more and fewer waves than pixels, and rings without image.
func TestRingFFT(t *testing.T) {
	if !HasRingFFT {
		t.Skip("a build of Go alone has no Fourier sums of rings")
	}
	r := rand.New(rand.NewPCG(41, 42))
	for _, npix := range []int{4, 8, 12, 20, 28, 44, 52, 60, 64, 68, 120} {
		for _, c := range []struct {
			count, step, n int
			shifted, south bool
		}{{1, 1, 1, true, true}, {npix / 2, 3, 5, false, true}, {npix/2 + 1, 1, 8, true, true}, {3*npix + 3, 2, 9, true, true},
			{2 * npix, 1, 3, false, false}} {
			f := NewRingFFT(npix)
			span := c.count * c.step
			waves, maps := make([]complex128, 2*c.n*span), make([]float64, 2*c.n*npix)
			var pairs []RingPair
			for i := range c.n {
				p := RingPair{int64(2 * i * span), int64((2*i + 1) * span), int64(2 * i * npix), -1, r.Float64()}
				if c.south {
					p.South = p.North + int64(npix)
				}
				pairs = append(pairs, p)
			}
			for i := range waves {
				waves[i] = complex(r.NormFloat64(), r.NormFloat64())
			}
			for _, p := range pairs { // of a real map
				for _, at := range []int64{p.NorthWaves, p.SouthWaves} {
					waves[at] = complex(real(waves[at]), 0)
				}
			}
			for i := range maps {
				maps[i] = r.NormFloat64()
			}
			s := 0.0
			if c.shifted {
				s = 1
			}
			angle := func(m, j int) complex128 { return cmplx.Rect(1, math.Pi*float64(m)*(2*float64(j)+s)/float64(npix)) }
			for _, path := range []Path{Auto, Portable, AVX2, AVX512} {
				if !path.Available() {
					continue
				}
				name := fmt.Sprintf("%d pixels, %+v, path %v", npix, c, path)
				got, back := make([]float64, len(maps)), make([]complex128, len(waves))
				scratch := make([]float64, f.Scratch())
				f.Synth(path, c.count, c.step, c.shifted, pairs, waves, got, scratch)
				f.Analyse(path, c.count, c.step, c.shifted, pairs, back, maps, scratch)
				for _, p := range pairs {
					for half, first := range []int64{p.North, p.South} {
						if first < 0 {
							continue
						}
						at := []int64{p.NorthWaves, p.SouthWaves}[half]
						for j := range npix {
							want := real(waves[at])
							for m := 1; m < c.count; m++ {
								want += 2 * real(waves[int(at)+m*c.step]*angle(m, j))
							}
							if d := math.Abs(got[int(first)+j] - want); !(d < 1e-12*float64(npix+c.count)) {
								t.Fatalf("%s: pixel %d is %v want %v", name, j, got[int(first)+j], want)
							}
						}
						for m := range c.count {
							var want complex128
							for j := range npix {
								want += complex(p.Weight*maps[int(first)+j], 0) * cmplx.Conj(angle(m, j))
							}
							if d := cmplx.Abs(back[int(at)+m*c.step] - want); !(d < 1e-12*float64(npix+c.count)) {
								t.Fatalf("%s: wave %d is %v want %v", name, m, back[int(at)+m*c.step], want)
							}
						}
					}
				}
			}
		}
	}
}
