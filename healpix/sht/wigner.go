package sht

import "math"

// Wigner holds the functions d^l_{ms}(β) of l up to an lmax. Covariances on the sphere are sums of them: d^l_00 is the Legendre
// polynomial. Conventions are those of Varshalovich et al. 1988. It is immutable and safe for use by many goroutines.
type Wigner struct {
	m, s, first int
	a, b, c     []float64 // d^{l+1} = (a[l] x + b[l]) d^l - c[l] d^{l-1}
}

// NewWigner returns the functions of l up to lmax, m of 0 or 2 and s of 0, 2 or -2; they are 0 below max(m, |s|). Other m and
// s panic.
func NewWigner(lmax, m, s int) *Wigner {
	if m != 0 && m != 2 || s != 0 && s != 2 && s != -2 {
		panic("sht: Wigner functions of these m and s are not tabled")
	}
	w := &Wigner{m: m, s: s, first: max(m, s, -s), a: make([]float64, lmax+1), b: make([]float64, lmax+1), c: make([]float64, lmax+1)}
	root := func(l int) float64 {
		return math.Sqrt(float64((l-m)*(l+m))) * math.Sqrt(float64((l-s)*(l+s))) / float64(max(l, 1))
	}
	for l := w.first; l <= lmax; l++ {
		w.a[l], w.c[l] = float64(2*l+1)/root(l+1), root(l)/root(l+1)
		if m != 0 && s != 0 {
			w.b[l] = -w.a[l] * float64(m*s) / float64(l*(l+1))
		}
	}
	return w
}

// begin returns d of l = first at x = cos β.
func (w *Wigner) begin(x float64) float64 {
	switch {
	case w.m == 0 && w.s == 0:
		return 1
	case w.m == 2 && w.s != 0:
		half := (1 + float64(w.s/2)*x) / 2
		return half * half
	}
	return math.Sqrt(6) / 4 * (1 - x) * (1 + x)
}

// To sets d[l] = d^l_{ms}(β) at x = cos β, from l = 0 on; d is no longer than lmax+1.
func (w *Wigner) To(d []float64, x float64) {
	clear(d)
	before, now := 0.0, w.begin(x)
	for l := w.first; l < len(d); l++ {
		d[l] = now
		before, now = now, (w.a[l]*x+w.b[l])*now-w.c[l]*before
	}
}

// Sum returns Σ_l f[l] d^l_{ms}(β) at x = cos β; f is no longer than lmax+1.
func (w *Wigner) Sum(f []float64, x float64) (sum float64) {
	before, now := 0.0, w.begin(x)
	a, b, c := w.a[:len(f)], w.b[:len(f)], w.c[:len(f)]
	for l := w.first; l < len(f); l++ {
		sum += f[l] * now
		before, now = now, (a[l]*x+b[l])*now-c[l]*before
	}
	return sum
}
