//go:build !cgo || purego

package kernel

func (g *Legendre) synth(spin bool, maps int, a, out []float64) { g.synthGo(spin, maps, a, out) }

func (g *Legendre) analyse(spin bool, maps int, in, out, _ []float64) {
	g.analyseGo(spin, maps, in, out)
}
