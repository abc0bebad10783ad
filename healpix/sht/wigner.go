package sht

import "math"

// Wigner returns d^l_{ms}(β), l = 0 to lmax, for m of 0 or 2 and s of 0, 2 or -2, from x = cos β; it is 0 below max(m, |s|).
// Covariances on the sphere are sums of them: d^l_00 is the Legendre polynomial. Conventions are those of Varshalovich et al.
// 1988. Other m and s panic.
func Wigner(lmax, m, s int, x float64) []float64 {
	d := make([]float64, lmax+1)
	WignerTo(d, m, s, x)
	return d
}

// WignerTo is Wigner into a slice of lmax+1 elements.
func WignerTo(d []float64, m, s int, x float64) {
	first := max(m, s, -s)
	start := 1.0
	switch {
	case m == 2 && (s == 2 || s == -2):
		start = (1 + float64(s/2)*x) * (1 + float64(s/2)*x) / 4
	case m == 2 && s == 0 || m == 0 && (s == 2 || s == -2):
		start = math.Sqrt(6) / 4 * (1 - x) * (1 + x)
	case m != 0 || s != 0:
		panic("sht: Wigner functions of these m and s are not tabled")
	}
	clear(d[:min(first, len(d))])
	if first >= len(d) {
		return
	}
	d[first] = start
	before := 0.0 // sqrt((l²-m²)(l²-s²))/l at l
	for l := first; l+1 < len(d); l++ {
		f := float64(l)
		next := f + 1
		root := math.Sqrt((next*next-float64(m*m))*(next*next-float64(s*s))) / next
		turn := 0.0
		if m != 0 && s != 0 {
			turn = float64(m*s) / (f * next)
		}
		v := (2*f + 1) * (x - turn) * d[l]
		if l > first {
			v -= before * d[l-1]
		}
		d[l+1], before = v/root, root
	}
}
