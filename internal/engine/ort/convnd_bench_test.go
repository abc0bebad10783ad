//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
)

// BenchmarkConvKernels runs convolutions and their gradients in turn by kernel and by the stock form that a step graph would have,
// and reports the best run of each in milliseconds and how many times faster the kernel is.
func BenchmarkConvKernels(b *testing.B) {
	for _, l := range []struct {
		name                         string
		n, ci, co, size, k, s, p, nd int64
	}{
		{"A", 8, 32, 32, 64, 3, 1, 1, 2}, {"B", 4, 8, 16, 256, 4, 2, 1, 2}, {"C", 16, 64, 128, 32, 4, 2, 1, 2}, {"D", 16, 64, 64, 33, 3, 2, 1, 2},
		{"E", 2, 16, 16, 32, 3, 1, 1, 3}, {"F", 2, 16, 32, 32, 4, 2, 1, 3},
		{"S1.1", 16, 1, 32, 64, 4, 2, 1, 2}, {"S1.2", 16, 32, 64, 32, 4, 2, 1, 2}, {"S1.3", 16, 64, 128, 16, 4, 2, 1, 2}, {"S1.4", 16, 128, 256, 8, 4, 2, 1, 2},
		{"S2.1", 16, 1, 10, 64, 4, 2, 1, 2}, {"S2.2", 16, 10, 20, 32, 4, 2, 1, 2}, {"S2.3", 16, 20, 40, 16, 4, 2, 1, 2}, {"S2.4", 16, 40, 80, 8, 4, 2, 1, 2},
		{"S3.1", 16, 1, 32, 64, 3, 1, 1, 2}, {"S3.2", 16, 32, 64, 32, 3, 1, 1, 2}, {"S3.3", 16, 64, 64, 16, 3, 1, 1, 2}, {"S3.4", 16, 64, 64, 8, 3, 1, 1, 2},
		{"S5.1", 4, 1, 16, 32, 4, 2, 1, 3}, {"S5.2", 4, 16, 32, 16, 4, 2, 1, 3}, {"S5.3", 4, 32, 64, 8, 4, 2, 1, 3}, {"S5.4", 4, 64, 128, 4, 4, 2, 1, 3},
		{"S6.1", 2, 1, 16, 32, 3, 1, 1, 3}, {"1x1", 8, 64, 64, 32, 1, 1, 0, 2}, {"few", 8, 4, 4, 64, 3, 1, 1, 2},
		{"deep2", 16, 256, 256, 4, 3, 1, 1, 2}, {"deep1", 16, 256, 256, 2, 3, 1, 1, 2}, {"one", 1, 256, 512, 4, 4, 2, 1, 2},
	} {
		positions := (l.size+2*l.p-l.k)/l.s + 1
		spatial := func(first, second, size int64) []int64 {
			s := []int64{first, second}
			for range l.nd {
				s = append(s, size)
			}
			return s
		}
		repeat := func(v, n int64) []int64 { return spatial(v, v, v)[2:][:n] }
		x, w, y := spatial(l.n, l.ci, l.size), spatial(l.co, l.ci, l.k), spatial(l.n, l.co, positions)
		attrs := func() graph.Attrs {
			return graph.Attrs{"strides": repeat(l.s, l.nd), "pads": append(repeat(l.p, l.nd), repeat(l.p, l.nd)...), "kernel_shape": w[2:]}
		}
		image := attrs()
		image["image_shape"] = x[2:]
		r := rand.New(rand.NewPCG(1, 2))
		for _, c := range []fusedCase{
			{"Conv", attrs(), []*graph.Tensor{random(r, x...), random(r, w...)}, 1, 0},
			{"ConvGradInput", image, []*graph.Tensor{random(r, y...), random(r, w...)}, 1, 0},
			{"ConvGradWeight", attrs(), []*graph.Tensor{random(r, x...), random(r, y...)}, 1, 0},
		} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%s/%d", l.name, c.op, threads), func(b *testing.B) {
					var sessions [2]engine.Session
					best := [2]time.Duration{1 << 62, 1 << 62}
					for i, bodies := range []bool{false, true} {
						sessions[i] = newSession(b, compile(b, c.model(b), engine.Options{Threads: threads, Arena: true, Bodies: bodies}))
						for k, v := range c.in {
							must(b, sessions[i].SetInput(k, v))
						}
					}
					for b.Loop() {
						for i, s := range sessions {
							start := time.Now()
							must(b, s.Run(b.Context()))
							best[i] = min(best[i], time.Since(start))
						}
					}
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(best[0].Seconds()*1e3, "kernel-ms")
					b.ReportMetric(best[1].Seconds()*1e3, "stock-ms")
					b.ReportMetric(best[1].Seconds()/best[0].Seconds(), "x")
				})
			}
		}
	}
}
