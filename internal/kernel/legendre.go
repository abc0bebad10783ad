package kernel

import "fmt"

const (
	// LegendreRings and LegendreCount divide the numbers of colatitudes and of l.
	LegendreRings, LegendreCount = 16, 8

	// A value is its number times legendreBase to the power of its scale; a number beyond legendreLarge moves to the next scale.
	legendreBase, legendreLarge = 0x1p600, 0x1p400
)

// Legendre is a family of functions of the colatitude, one for each l of a run, by the recursion
//
//	f[l+1] = (C[l] x + D[l]) f[l] - f[l-1], f[0] = Start BASE^Scale, f[-1] = 0
//
// where x is the cosine of the colatitude and BASE 2^600. Legendre functions and Wigner d-functions obey it when each l is
// scaled in a suitable way; where they are of spin 0, D is 0 and not read. Terms below 2^-140 are left out. A value is safe
// for use by many goroutines.
type Legendre struct {
	Count           int       // of l, a multiple of LegendreCount
	C, D            []float64 // of every l and two more, 0 where there is none
	X, Start, Scale []float64 // of every colatitude; padded with zeros to a multiple of LegendreRings
	Path            Path      // one that is available; a build of Go alone has one code for all
}

// legendreColumns returns the number of numbers that belong to an l.
func legendreColumns(spin bool) int {
	if spin {
		return 4
	}
	return 2
}

func (g *Legendre) check(spin bool, maps int, rings, terms []float64) {
	n := len(g.X)
	if g.Count%LegendreCount != 0 || n%LegendreRings != 0 || len(g.Start) != n || len(g.Scale) != n ||
		len(g.C) < g.Count+2 || spin && len(g.D) < g.Count+2 {
		panic("kernel: malformed Legendre")
	}
	if len(rings) < maps*4*n || len(terms) < maps*g.Count*legendreColumns(spin) {
		panic(fmt.Sprintf("kernel: %d values and %d coefficients are too few for %d maps", len(rings), len(terms), maps))
	}
}

// Synth computes out[map][4][colatitude], sums over l. With spin, a is [map][l][4] and
//
//	out[j] = Σ a[l][j] f[l]
//
// Without, a is [map][l][2]; out[0] and out[1] are the sums over even l, counted from the first, out[2] and out[3] over odd.
func (g *Legendre) Synth(spin bool, maps int, a, out []float64) {
	g.check(spin, maps, out, a)
	if g.Count > 0 && len(g.X) > 0 {
		g.synth(spin, maps, a, out)
	}
}

// Analyse is the adjoint of Synth: sums over colatitudes of in[map][4][colatitude] times f[l], to out, of the form of Synth's
// a. scratch holds 8 times the numbers of a map's out.
func (g *Legendre) Analyse(spin bool, maps int, in, out, scratch []float64) {
	g.check(spin, maps, in, out)
	if len(scratch) < 8*g.Count*legendreColumns(spin) {
		panic("kernel: scratch is too short")
	}
	if g.Count > 0 {
		g.analyse(spin, maps, in, out, scratch)
	}
}
