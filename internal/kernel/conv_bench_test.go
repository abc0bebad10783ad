package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/kernel"
)

func window(t testing.TB, nside int, order healpix.Order) []int32 {
	t.Helper()
	g, err := healpix.New(nside, order)
	if err != nil {
		t.Fatal(err)
	}
	index, err := healpix.WindowTable[int32](g, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

var shapes = []struct {
	name             string
	n, ci, co, nside int
}{
	{"s1", 32, 32, 32, 16},
	{"s2", 1, 16, 16, 256},
	{"s3", 8, 64, 64, 64},
	{"s4", 1, 3, 32, 512},
	{"c16", 1, 16, 16, 16}, // in cache
	{"c32", 1, 32, 32, 16},
	{"c64", 1, 64, 64, 16},
	{"c256", 1, 256, 256, 16},
}

// BenchmarkConv reports the best run in GFLOP/s and as a share of what the processor's arithmetic could do at the time: the
// best, because what shares the machine only ever slows a run down.
func BenchmarkConv(b *testing.B) {
	for _, s := range shapes {
		var index []int32
		bench := func(name string, order healpix.Order, path kernel.Path, threads int) {
			b.Run(s.name+"/"+name, func(b *testing.B) {
				index = window(b, s.nside, order)
				benchConv(b, index, s.n, s.ci, s.co, path, threads)
			})
		}
		for _, path := range paths() {
			bench(path.String(), healpix.Nested, path, 1)
		}
		bench("two-threads", healpix.Nested, kernel.Auto, 2)
		bench("ring", healpix.Ring, kernel.Auto, 1)
	}
}

func benchConv(b *testing.B, index []int32, n, ci, co int, path kernel.Path, threads int) {
	r := rand.New(rand.NewPCG(1, 1))
	p := len(index) / kernel.Taps
	g, err := kernel.NewGeometry(p, index, kernel.Layout{})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	w, err := kernel.NewWeights(co, ci, randoms(r, co*ci*kernel.Taps), randoms(r, co))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	a := kernel.ConvInput{N: n, X: make([]float32, n*ci*p), Path: path, Threads: threads}
	for i := range a.X {
		a.X[i] = float32(i%1000) * 1e-3
	}
	y := make([]float32, n*co*p)
	peak, best := path.Peak(), time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		if err := kernel.Conv(g, w, y, a); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	peak = max(peak, path.Peak())
	rate := 2 * kernel.Taps * float64(n*ci*co*p) / float64(best.Nanoseconds())
	b.ReportMetric(rate, "GFLOP/s")
	if peak > 0 {
		b.ReportMetric(100*rate/peak/float64(threads), "%peak")
	}
}

// BenchmarkGeometry is the time to make a table ready.
func BenchmarkGeometry(b *testing.B) {
	for _, nside := range []int{256, 512} {
		nested, ring := window(b, nside, healpix.Nested), window(b, nside, healpix.Ring)
		for _, v := range []struct {
			name  string
			index []int32
		}{{"nested", nested}, {"ring", ring}} {
			b.Run(fmt.Sprintf("%s/%d", v.name, nside), func(b *testing.B) {
				for b.Loop() {
					g, err := kernel.NewGeometry(len(v.index)/kernel.Taps, v.index, kernel.Layout{})
					if err != nil {
						b.Fatal(err)
					}
					g.Close()
				}
			})
		}
	}
}
