//go:build cgo && !purego

package kernel

import "github.com/astronnx/astronnx/internal/kernel/c"

func (g *Legendre) synth(spin bool, maps int, a, out []float64) {
	p, _ := c.LegendrePath(int(g.Path))
	p.Synth(g.Count, g.C, g.D, g.X, g.Start, g.Scale, spin, maps, a, out)
}

func (g *Legendre) analyse(spin bool, maps int, in, out, scratch []float64) {
	p, _ := c.LegendrePath(int(g.Path))
	p.Analyse(g.Count, g.C, g.D, g.X, g.Start, g.Scale, spin, maps, in, out, scratch)
}
