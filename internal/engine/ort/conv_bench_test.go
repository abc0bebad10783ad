//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
)

// BenchmarkConv is the convolution inside ONNX Runtime, by kernel and by function body, at the shapes of the operator's
// specification: maps, channels in and out, nside.
func BenchmarkConv(b *testing.B) {
	for _, s := range []struct{ n, ci, co, nside int64 }{{32, 32, 32, 16}, {1, 16, 16, 256}, {8, 64, 64, 64}, {1, 3, 32, 512}} {
		for _, threads := range []int{1, 2} {
			for _, bodies := range []bool{false, true} {
				how := map[bool]string{false: "kernel", true: "body"}[bodies]
				b.Run(fmt.Sprintf("%dx%d-%d@%d/%s/%d", s.n, s.ci, s.co, s.nside, how, threads), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					npix := 12 * s.nside * s.nside
					m := model(func(g *graph.Graph) {
						x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(s.n), graph.D(s.ci), graph.D(npix)))
						y := node(g, "HealpixConv", graph.Attrs{"nside": s.nside}, x, g.NewConst("w", random(r, s.co, s.ci, 9)), g.NewConst("b", random(r, s.co)))
						g.Nodes[0].Domain = healpixop.Domain
						addOutput(g, y, "y", graph.TensorType(graph.Float32, graph.D(s.n), graph.D(s.co), graph.D(npix)))
					})
					m.Opsets[healpixop.Domain] = 1
					session := newSession(b, compile(b, m, engine.Options{Threads: threads, Arena: true, Bodies: bodies}))
					must(b, session.SetInput(0, random(r, s.n, s.ci, npix)))
					must(b, session.SetOutput(0, graph.NewTensor(graph.Float32, s.n, s.co, npix)))
					for b.Loop() {
						must(b, session.Run(b.Context()))
					}
					b.ReportMetric(2*9*float64(s.ci*s.co*npix*s.n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
