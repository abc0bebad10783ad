package sht

import (
	"math"

	"github.com/astronnx/astronnx/internal/errs"
)

// Size returns the number of alm up to lmax, those of m ≥ 0: (lmax+1)(lmax+2)/2.
func Size(lmax int) int { return (lmax + 1) * (lmax + 2) / 2 }

// Index returns the place of a_lm, 0 ≤ m ≤ l ≤ lmax, in healpy's layout: all l of m = 0, then all of m = 1, and so on.
func Index(lmax, l, m int) int { return m*(2*lmax+1-m)/2 + l }

// LmaxOf returns the lmax of n alm, or an error where there is none.
func LmaxOf(n int) (int, error) {
	lmax := int(math.Sqrt(2*float64(n)+0.25) - 1.5 + 0.5)
	if n < 1 || Size(lmax) != n {
		return 0, errs.New(errs.Input, "sht: %d alm: want (lmax+1)(lmax+2)/2", n)
	}
	return lmax, nil
}

// Alm2Cl returns the cross spectrum of two sets of alm of one lmax, C_l = Σ_m a_lm b*_lm / (2l+1); of one set with itself, its
// spectrum. It panics where the numbers of alm differ or belong to no lmax.
func Alm2Cl(a, b []complex128) []float64 {
	lmax, err := LmaxOf(len(a))
	if err != nil || len(a) != len(b) {
		panic("sht: alm of different or impossible size")
	}
	cl := make([]float64, lmax+1)
	for m := 0; m <= lmax; m++ {
		twice := 2.0 // m and -m
		if m == 0 {
			twice = 1
		}
		at := Index(lmax, 0, m)
		for l := m; l <= lmax; l++ {
			x, y := a[at+l], b[at+l]
			cl[l] += twice * (real(x)*real(y) + imag(x)*imag(y))
		}
	}
	for l := range cl {
		cl[l] /= float64(2*l + 1)
	}
	return cl
}

// Almxfl multiplies a_lm by f[l], and by 0 beyond f's end, as healpy does. It panics where len(alm) belongs to no lmax.
func Almxfl(alm []complex128, f []float64) {
	lmax, err := LmaxOf(len(alm))
	if err != nil {
		panic("sht: " + err.Error())
	}
	for m := 0; m <= lmax; m++ {
		at := Index(lmax, 0, m)
		for l := m; l <= lmax; l++ {
			s := 0.0
			if l < len(f) {
				s = f[l]
			}
			alm[at+l] *= complex(s, 0)
		}
	}
}

// ResizeAlm returns the alm of another lmax: those beyond it are left out, those that are missing are 0.
func ResizeAlm(alm []complex128, lmax int) ([]complex128, error) {
	from, err := LmaxOf(len(alm))
	if err != nil {
		return nil, err
	}
	out := make([]complex128, Size(lmax))
	for m := 0; m <= min(from, lmax); m++ {
		last := min(from, lmax)
		copy(out[Index(lmax, m, m):Index(lmax, last, m)+1], alm[Index(from, m, m):])
	}
	return out, nil
}
