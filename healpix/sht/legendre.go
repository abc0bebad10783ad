package sht

import (
	"math"
	"sort"

	"github.com/astronnx/astronnx/internal/kernel"
)

const (
	powerStep = 64 // the powers of sin theta are tabled below powerStep and at its multiples
	scaleBits = 600
	scaleLow  = -200 // exponents of numbers begin between scaleLow and scaleLow + scaleBits
)

// power is frac 2^exp: a power of sin theta underflows a float64 on many rings.
type power struct {
	frac float64
	exp  int
}

func (p power) times(f float64) power {
	frac, exp := math.Frexp(p.frac * f)
	return power{frac, p.exp + exp}
}

func (p power) mul(q power) power {
	r := p.times(q.frac)
	r.exp += q.exp
	return r
}

// powers tables sin^i for i < powerStep, then sin^(powerStep j).
func powers(sin float64, mmax int) []power {
	t := make([]power, 0, powerStep+mmax/powerStep+1)
	one := power{1, 0}.times(1)
	p := one
	for range powerStep {
		t = append(t, p)
		p = p.times(sin)
	}
	step, q := p, one
	for range mmax/powerStep + 1 {
		t = append(t, q)
		q = q.mul(step)
	}
	return t
}

// functions are the d^l_{m,-s} of an m and a spin, for l from first = max(m, |s|) to lmax, on the rings from lo on: those on
// which they count.
type functions struct {
	g         kernel.Legendre
	first, lo int
	norm      []float64 // by which g's functions must be multiplied to be sqrt((2l+1)/4π) d^l
}

// set makes f the functions of m and s. With R_l = sqrt((l²-m²)(l²-s²))/l their recursion is, for d of any constant factor,
//
//	R_{l+1} d^{l+1} = (2l+1) (x + ms/(l(l+1))) d^l - R_l d^{l-1}
//
// (Varshalovich et al. 1988, 4.8.2); dividing d^l by t_l with t_{l+1}/t_{l-1} = R_l/R_{l+1} leaves 1 before d^{l-1}.
func (f *functions) set(p *Plan, m, s int) {
	f.first = max(m, s, -s)
	n := max(p.lmax-f.first+1, 0)
	g := &f.g
	g.Count = (n + kernel.LegendreCount - 1) / kernel.LegendreCount * kernel.LegendreCount
	g.C, g.D, f.norm = grow(g.C, g.Count+2), grow(g.D, g.Count+2), grow(f.norm, g.Count)
	clear(g.C)
	clear(g.D)
	clear(f.norm)
	root := func(l int) float64 {
		if s == 0 {
			return math.Sqrt(float64((l - m) * (l + m)))
		}
		return math.Sqrt(float64((l-m)*(l+m))) * math.Sqrt(float64((l-s)*(l+s))) / float64(l)
	}
	t, u, below := 1.0, 1.0, 0.0 // t_l, t_{l+1}, R_l
	for i := range n {
		l := f.first + i
		above := root(l + 1)
		if i > 0 {
			t, u = u, t*below/above
		}
		f.norm[i] = t * math.Sqrt(float64(2*l+1)/(4*math.Pi))
		g.C[i] = float64(2*l+1) / above * (t / u)
		if s != 0 && m != 0 {
			g.D[i] = g.C[i] * (float64(m*s) / float64(l*(l+1)))
		}
		below = above
	}

	which := 0
	if s != 0 {
		which = 1
	}
	f.lo = sort.Search(len(p.rings), func(i int) bool { return p.rings[i].last[which] >= m })
	n = (len(p.rings) - f.lo + kernel.LegendreRings - 1) / kernel.LegendreRings * kernel.LegendreRings
	g.X, g.Start, g.Scale = grow(g.X, n), grow(g.Start, n), grow(g.Scale, n)
	clear(g.X)
	clear(g.Start)
	clear(g.Scale)
	for i := f.lo; i < len(p.rings); i++ {
		g.X[i-f.lo] = p.rings[i].z
		g.Start[i-f.lo], g.Scale[i-f.lo] = p.begin(m, s, i)
	}
}

// grow returns a slice of n elements, x's where they are enough.
func grow(x []float64, n int) []float64 {
	if cap(x) < n {
		return make([]float64, n)
	}
	return x[:n]
}

// begin returns d^l_{m,-s}, l = max(m, |s|) and s one of 0, 2, -2, on a ring as number and scale of kernel.Legendre.
func (p *Plan) begin(m, s, ring int) (number, scale float64) {
	z, sin := p.rings[ring].z, p.rings[ring].sin
	half := sin * sin / (1 + z) // 1 - z, precise at the pole
	if s == -2 {
		half = 1 + z
	}
	half /= 2 // sin² or cos² of theta/2
	f, e := 0.0, m
	switch {
	case s == 0:
		f = p.first[m]
	case m == 0:
		f, e = math.Sqrt(6)/4, 2
	case m == 1:
		f = half
		if s == 2 {
			f = -half
		}
	default:
		f, e = p.firstSpin[m]*half*half, m-2
	}
	if m%2 == 1 && (s == 0 || m > 1) {
		f = -f
	}
	t := p.rings[ring].powers
	v := t[e%powerStep].mul(t[powerStep+e/powerStep]).times(f)
	scale = min(0, math.Floor(float64(v.exp-scaleLow)/scaleBits))
	return math.Ldexp(v.frac, v.exp-int(scale)*scaleBits), scale
}

// firsts returns sqrt((2m)!) / (2^m m!) and 4 sqrt((2m)! / ((m+2)! (m-2)!)) / 2^m, the factors of d^m_{m0} and of d^m_{m,±2}.
func firsts(mmax int) (spin0, spin2 []float64) {
	spin0, spin2 = make([]float64, mmax+1), make([]float64, mmax+1)
	f := 1.0
	for m := range mmax + 1 {
		if m > 0 {
			f *= math.Sqrt(float64(2*m-1) / float64(2*m))
		}
		spin0[m] = f
		if m > 1 {
			spin2[m] = 4 * f * math.Sqrt(float64(m*(m-1))/float64((m+1)*(m+2)))
		}
	}
	return spin0, spin2
}

// lastM returns the largest m up to lmax whose functions count on a ring: beyond, all are below 1e-16 or so (Reinecke 2011,
// A&A 526, A108).
func lastM(lmax, spin int, z, sin float64) int {
	reach := float64(lmax)*sin + max(100, 0.01*float64(lmax))
	b := -2 * float64(spin) * math.Abs(z)
	c := float64(spin*spin) - reach*reach
	disc := b*b - 4*c
	if disc <= 0 {
		return lmax
	}
	return min(lmax, int((-b+math.Sqrt(disc))/2+0.5))
}
