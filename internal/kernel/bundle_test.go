//go:build cgo && !purego

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Bundles that are full and not, with and without an equator, against the sums of the Go code; the way back is the adjoint.
func TestLegendreBundle(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	random := func() *Legendre {
		const count, n = 40, 32
		g := &Legendre{Count: count, C: make([]float64, count+2), D: make([]float64, count+2)}
		for l := range count {
			g.C[l], g.D[l] = 2.5-r.Float64(), 0.3*r.Float64()
		}
		for i := range n {
			g.X = append(g.X, 1-2*r.Float64())
			scale := -float64(i % 5 / 4)
			g.Scale = append(g.Scale, scale)
			g.Start = append(g.Start, math.Ldexp(r.Float64(), int(-scale)*598))
		}
		return g
	}
	for _, c := range []struct {
		maps, terms, rings int
		equator, odd       bool
	}{{1, 40, 32, true, false}, {3, 33, 17, false, true}, {5, 38, 30, true, true}, {8, 1, 1, false, false}, {7, 39, 16, true, true}} {
		for _, pairs := range []bool{false, true} {
			g, h, fields := random(), (*Legendre)(nil), 1
			if pairs {
				h, fields = random(), 2
				h.C = g.C
			} else {
				g.D = nil
			}
			all := 2 * c.rings // of a plane
			if c.equator {
				all--
			}
			b := LegendreBundle{Maps: c.maps, Terms: c.terms, Rings: c.rings, Odd: c.odd, Map: fields*c.terms + 3, Field: c.terms + 1,
				South: (all - 1) * Bundle, Plane: (all + 1) * Bundle}
			for range c.terms {
				b.Norm = append(b.Norm, r.Float64())
			}
			alm, waves := make([]complex128, c.maps*b.Map), make([]complex128, (2*all+1)*Bundle)
			for i := range alm {
				alm[i] = complex(r.NormFloat64(), r.NormFloat64())
			}
			for i := range waves {
				waves[i] = complex(r.NormFloat64(), r.NormFloat64())
			}
			want := make([][][2]complex128, c.maps) // [map][plane, ring from the north][1]
			for i := range want {
				want[i] = bundleReference(b, g, h, all, alm[i*b.Map:])
			}
			for _, path := range []Path{Auto, Portable, AVX2, AVX512} {
				if !path.Available() {
					continue
				}
				name := fmt.Sprintf("%+v, pairs %v, path %v", c, pairs, path)
				g.Path = path
				scratch := make([]float64, g.BundleScratch(pairs))
				got, back := make([]complex128, len(waves)), make([]complex128, len(alm))
				b.Synth(g, h, alm, got, scratch)
				b.Analyse(g, h, back, waves, scratch)
				for i := range c.maps {
					large, there, here := 0.0, 0.0, 0.0
					for ring := range all {
						for plane := range fields {
							large = max(large, math.Abs(real(want[i][ring][plane])))
						}
					}
					for ring := range all {
						for plane := range fields {
							v, w := bundled(got, b, plane, ring, i), want[i][ring][plane]
							if !(math.Abs(real(v-w))+math.Abs(imag(v-w)) <= 1e-12*large) {
								t.Fatalf("%s: map %d, plane %d, ring %d is %v want %v", name, i, plane, ring, v, w)
							}
							there += dot(v, bundled(waves, b, plane, ring, i))
						}
					}
					for l := range c.terms {
						for field := range fields {
							at := i*b.Map + field*b.Field + l
							here += dot(alm[at], back[at])
						}
					}
					if !(math.Abs(there-here) <= 1e-11*large) {
						t.Fatalf("%s: map %d: not the adjoint: %v, %v", name, i, there, here)
					}
				}
			}
		}
	}
}

func dot(a, b complex128) float64 { return real(a)*real(b) + imag(a)*imag(b) }

// bundled returns a map's wave of a ring.
func bundled(waves []complex128, b LegendreBundle, plane, ring, i int) complex128 {
	x := parts(waves[plane*b.Plane+ring*Bundle:][:Bundle])
	return complex(x[i], x[Bundle+i])
}

// bundleReference returns the waves of a map or pair by the sums that serve any number of maps.
func bundleReference(b LegendreBundle, g, h *Legendre, all int, alm []complex128) [][2]complex128 {
	n, waves := len(g.X), make([][2]complex128, all)
	out := make([]float64, 4*n)
	at := func(j, ring int) complex128 { return complex(out[j*n+ring], out[(j+1)*n+ring]) }
	each := func(set func(ring int)) {
		for ring := range b.Rings {
			set(ring)
		}
	}
	if h == nil {
		a := make([]float64, 2*g.Count)
		for l := range b.Terms {
			a[2*l], a[2*l+1] = b.Norm[l]*real(alm[l]), b.Norm[l]*imag(alm[l])
		}
		g.synthGo(false, 1, a, out)
		each(func(ring int) { waves[all-1-ring][0] = at(0, ring) - at(2, ring) })
		each(func(ring int) { waves[ring][0] = at(0, ring) + at(2, ring) })
		return waves
	}
	var north, south [2][]complex128 // of spin 2 and -2
	for s, of := range []*Legendre{g, h} {
		sign := complex(float64(1-2*s), 0)
		a := make([]float64, 4*g.Count)
		for l := range b.Terms {
			e, ib := alm[l], 1i*sign*alm[b.Field+l]
			parity := complex(1-2*float64(l%2), 0)
			if b.Odd {
				parity = -parity
			}
			f := complex(b.Norm[l]/2, 0)
			v, w := -f*(e+ib), -f*parity*(e-ib)
			copy(a[4*l:], []float64{real(v), imag(v), real(w), imag(w)})
		}
		of.synthGo(true, 1, a, out)
		each(func(ring int) { north[s], south[s] = append(north[s], at(0, ring)), append(south[s], at(2, ring)) })
	}
	each(func(ring int) {
		p, q := south[0][ring], south[1][ring]
		waves[all-1-ring] = [2]complex128{p + q, 1i * (p - q)}
	})
	each(func(ring int) {
		p, q := north[0][ring], north[1][ring]
		waves[ring] = [2]complex128{p + q, -1i * (p - q)}
	})
	return waves
}

// The maps of a bundle are what they are one by one.
func TestRingBundle(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	for _, npix := range []int{4, 12, 20, 44, 64} {
		for _, c := range []struct {
			count, bundle  int
			shifted, south bool
		}{{1, 8, true, true}, {npix/2 + 1, 3, false, true}, {3*npix + 3, 5, true, true}, {2 * npix, 1, true, false}} {
			f := NewRingFFT(npix)
			const rings = 5
			step, apart := rings*Bundle, 2*npix+3
			waves, maps := make([]complex128, c.count*step), make([]float64, Bundle*apart)
			for i := range waves {
				waves[i] = complex(r.NormFloat64(), r.NormFloat64())
			}
			for i := range maps {
				maps[i] = r.NormFloat64()
			}
			pair := RingPair{NorthWaves: Bundle, SouthWaves: 3 * Bundle, North: 1, South: -1, Weight: 0.7}
			if c.south {
				pair.South = int64(npix) + 2
			}
			for _, path := range []Path{Auto, Portable, AVX2, AVX512} {
				if !path.Available() {
					continue
				}
				name := fmt.Sprintf("%d pixels, %+v, path %v", npix, c, path)
				scratch := make([]float64, f.Scratch())
				got, back := make([]float64, len(maps)), make([]complex128, len(waves))
				f.SynthBundle(path, c.count, step, c.shifted, []RingPair{pair}, apart, c.bundle, waves, got, scratch)
				f.AnalyseBundle(path, c.count, step, c.shifted, []RingPair{pair}, apart, c.bundle, back, maps, scratch)
				for i := range c.bundle {
					own := make([]complex128, 2*c.count)
					for m := range c.count {
						at := parts(waves[m*step:])
						own[m] = complex(at[2*Bundle+i], at[3*Bundle+i])
						own[c.count+m] = complex(at[6*Bundle+i], at[7*Bundle+i])
					}
					one := RingPair{SouthWaves: int64(c.count), North: pair.North, South: pair.South, Weight: pair.Weight}
					want, wantWaves := make([]float64, apart), make([]complex128, 2*c.count)
					f.Synth(Portable, c.count, 1, c.shifted, []RingPair{one}, own, want, scratch)
					f.Analyse(Portable, c.count, 1, c.shifted, []RingPair{one}, wantWaves, maps[i*apart:(i+1)*apart], scratch)
					for j, w := range want {
						if v := got[i*apart+j]; !(math.Abs(v-w) < 1e-12*float64(npix+c.count)) {
							t.Fatalf("%s: map %d, number %d is %v want %v", name, i, j, v, w)
						}
					}
					for m := range c.count {
						at := parts(back[m*step:])
						for half, at := range [][]float64{at[2*Bundle:], at[6*Bundle:]} {
							v, w := complex(at[i], at[Bundle+i]), wantWaves[half*c.count+m]
							if d := v - w; !(math.Abs(real(d))+math.Abs(imag(d)) < 1e-12*float64(npix+c.count)) {
								t.Fatalf("%s: map %d, wave %d is %v want %v", name, i, m, v, w)
							}
						}
					}
				}
				for i := c.bundle * apart; i < len(got); i++ {
					if got[i] != 0 {
						t.Fatalf("%s: writes to a map that is not there", name)
					}
				}
			}
		}
	}
}
