//go:build cgo && !purego

package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/astronnx/astronnx/internal/kernel"
)

var convNDLayers = []struct {
	name                             string
	n, ci, size, kernel, stride, pad int64
	depth                            bool
	co                               int64
}{
	{"A", 8, 32, 64, 3, 1, 1, false, 32}, {"B", 4, 8, 256, 4, 2, 1, false, 16}, {"C", 16, 64, 32, 4, 2, 1, false, 128},
	{"D", 16, 64, 33, 3, 2, 1, false, 64}, {"E", 2, 16, 32, 3, 1, 1, true, 16}, {"F", 2, 16, 32, 4, 2, 1, true, 32},
	{"S1.1", 16, 1, 64, 4, 2, 1, false, 32}, {"S1.2", 16, 32, 32, 4, 2, 1, false, 64}, {"S1.3", 16, 64, 16, 4, 2, 1, false, 128},
	{"S1.4", 16, 128, 8, 4, 2, 1, false, 256},
	{"S2.1", 16, 1, 64, 4, 2, 1, false, 10}, {"S2.2", 16, 10, 32, 4, 2, 1, false, 20}, {"S2.3", 16, 20, 16, 4, 2, 1, false, 40},
	{"S2.4", 16, 40, 8, 4, 2, 1, false, 80},
	{"S3.1", 16, 1, 64, 3, 1, 1, false, 32}, {"S3.2", 16, 32, 32, 3, 1, 1, false, 64}, {"S3.3", 16, 64, 16, 3, 1, 1, false, 64},
	{"S3.4", 16, 64, 8, 3, 1, 1, false, 64},
	{"S5.1", 4, 1, 32, 4, 2, 1, true, 16}, {"S5.2", 4, 16, 16, 4, 2, 1, true, 32}, {"S5.3", 4, 32, 8, 4, 2, 1, true, 64},
	{"S5.4", 4, 64, 4, 4, 2, 1, true, 128}, {"S6.1", 2, 1, 32, 3, 1, 1, true, 16},
}

// BenchmarkConvND reports the best run of each operation in GFLOP/s, on the processor's fastest path, and one core's peak.
func BenchmarkConvND(b *testing.B) {
	for _, l := range convNDLayers {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/threads%d", l.name, threads), func(b *testing.B) {
				spread := func(v int64, else_ int64) [3]int64 {
					if l.depth {
						return [3]int64{v, v, v}
					}
					return [3]int64{else_, v, v}
				}
				pad := spread(l.pad, 0)
				s := newConvND(l.n, l.ci, l.co, spread(l.size, 1), spread(l.kernel, 1), spread(l.stride, 1), pad, pad)
				r := rand.New(rand.NewPCG(1, 1))
				x, w, y := randoms(r, inputs(s)), randoms(r, filters(s)), randoms(r, outputs(s))
				dx, dw := make([]float32, len(x)), make([]float32, len(w))
				flop := 2 * float64(len(y)) * float64(s.Ci) * float64(count(s.Kernel[:]...))
				best := [3]time.Duration{1 << 62, 1 << 62, 1 << 62}
				for b.Loop() {
					for i, run := range []func() error{
						func() error { return s.Forward(x, w, nil, y, kernel.Auto, threads) },
						func() error { return s.GradInput(y, w, dx, kernel.Auto, threads) },
						func() error { return s.GradWeight(x, y, dw, kernel.Auto, threads) },
					} {
						start := time.Now()
						if err := run(); err != nil {
							b.Fatal(err)
						}
						best[i] = min(best[i], time.Since(start))
					}
				}
				b.ReportMetric(0, "ns/op")
				for i, name := range []string{"y", "dx", "dw"} {
					b.ReportMetric(flop/float64(best[i].Nanoseconds()), name+"-GFLOP/s")
				}
				b.ReportMetric(kernel.AVX2.Peak(), "peak")
			})
		}
	}
}
