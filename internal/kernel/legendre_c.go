//go:build cgo && !purego

package kernel

import "github.com/astronnx/astronnx/internal/kernel/c"

func (g *Legendre) functions() c.Functions {
	return c.Functions{Count: g.Count, C: g.C, D: g.D, X: g.X, Start: g.Start, Scale: g.Scale}
}

func (g *Legendre) synth(spin bool, maps int, a, out []float64) {
	p, _ := c.LegendrePath(int(g.Path))
	p.Synth(g.functions(), spin, maps, a, out)
}

func (g *Legendre) analyse(spin bool, maps int, in, out, scratch []float64) {
	p, _ := c.LegendrePath(int(g.Path))
	p.Analyse(g.functions(), spin, maps, in, out, scratch)
}
