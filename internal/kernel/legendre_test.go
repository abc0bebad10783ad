package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The recursion of associated Legendre functions of an order so high that they begin far below the range of float64.
func TestLegendrePaths(t *testing.T) {
	const rings, count, m, maps = 48, 64, 900, 2
	r := rand.New(rand.NewPCG(31, 32))
	g := Legendre{Count: count, C: make([]float64, count+2), D: make([]float64, count+2)}
	for l := range count {
		g.C[l], g.D[l] = 60/math.Sqrt(float64(l+1)), 0.3*r.Float64()
	}
	for i := range rings {
		g.X = append(g.X, 1-2*r.Float64())
		scale := -float64(i % 5 / 2) // 0, -1, -2
		g.Scale = append(g.Scale, scale)
		g.Start = append(g.Start, math.Ldexp(r.Float64(), int(-scale)*590-100))
	}
	for _, spin := range []bool{false, true} {
		cols := legendreColumns(spin)
		values, coef := make([]float64, maps*4*rings), make([]float64, maps*count*cols)
		for i := range values {
			values[i] = r.NormFloat64()
		}
		for i := range coef {
			coef[i] = r.NormFloat64()
		}
		g := g
		if !spin {
			g.D = nil
		}
		wantOut, wantCoef := make([]float64, len(values)), make([]float64, len(coef))
		g.synthGo(spin, maps, coef, wantOut)
		g.analyseGo(spin, maps, values, wantCoef)
		for _, path := range []Path{Auto, Portable, AVX2, AVX512} {
			if !path.Available() {
				continue
			}
			g.Path = path
			out, back := make([]float64, len(values)), make([]float64, len(coef))
			g.Synth(spin, maps, coef, out)
			g.Analyse(spin, maps, values, back, make([]float64, 8*count*cols))
			for name, c := range map[string][2][]float64{"synth": {out, wantOut}, "analyse": {back, wantCoef}} {
				large := 0.0
				for _, v := range c[1] {
					large = max(large, math.Abs(v))
				}
				if large == 0 || math.IsInf(large, 0) {
					t.Fatalf("%s: the case says nothing: largest value %v", name, large)
				}
				for i, want := range c[1] {
					if !(math.Abs(c[0][i]-want) <= 1e-10*large) {
						t.Fatalf("%s, spin %v, path %v: number %d is %v want %v", name, spin, path, i, c[0][i], want)
					}
				}
			}
		}
	}
}
