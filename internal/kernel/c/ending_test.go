//go:build cgo && !purego

package c_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/astronnx/astronnx/internal/kernel/c"
)

// ended does to y, planes of `out` pixels, what e says.
func ended(y []float32, out int, e c.Ending) []float32 {
	y = slices.Clone(y)
	for i, v := range y {
		if e.Relu && v < 0 {
			y[i] = 0
		}
	}
	if e.Pool == 0 {
		return y
	}
	var pooled []float32
	for four := range slices.Chunk(y, 4) {
		sum, top := 0.0, four[0]
		for _, v := range four {
			sum, top = sum+float64(v), max(top, v)
		}
		if e.Pool == 1 {
			top = float32(sum * e.Factor)
		}
		pooled = append(pooled, top)
	}
	return pooled
}

// An ending gives, to the bit and on any threads, what the operators after the convolution would: with bias and scale, for channels that
// fill no vector, that come in several blocks, and sizes that end within a batch.
func TestEnding(t *testing.T) {
	for path := 1; path <= 3; path++ {
		if !c.HasPath(path) {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(path), 1))
		for i := range 120 {
			n, ci, co, out := r.IntN(3)+1, 1+r.IntN(8), 1+r.IntN(40), 4*(1+r.IntN(200))
			switch i % 12 {
			case 0:
				ci, co = 100+r.IntN(100), 100
			case 1:
				out = 4 * (600 + r.IntN(600))
			}
			e := c.Ending{Relu: r.IntN(2) == 0, Pool: r.IntN(3), Factor: []float64{0.25, 1, 1.0 / 3}[r.IntN(3)]}
			index := make([]int32, out*9)
			for k := range index {
				index[k] = int32(r.IntN(out+1) - 1)
			}
			draw := func(size int) []float32 {
				s := make([]float32, size)
				for k := range s {
					s[k] = float32(r.NormFloat64())
				}
				return s
			}
			w, bias, x := draw(co*ci*9), draw(co), draw(n*ci*out)
			var scale *float32
			if r.IntN(2) == 0 {
				scale = &draw(out)[0]
			}
			if r.IntN(3) == 0 {
				x[r.IntN(len(x))] = float32(math.NaN())
				x[r.IntN(len(x))] = float32(math.Inf(1))
			}
			name := fmt.Sprint("path ", path, ", case ", i, ": ", []int{n, ci, co, out}, e, scale != nil)
			geom, status := c.NewGeom(int64(out), int64(out), unsafe.Pointer(&index[0]), 4, nil, 0, 0)
			if status != 0 {
				t.Fatal(name, c.Message(status))
			}
			weights, status := c.NewWeights(int64(co), int64(ci), &w[0], &bias[0])
			if status != 0 {
				t.Fatal(name, c.Message(status))
			}
			run := func(e c.Ending, threads int) []float32 {
				size := n * co * out
				if e.Pool != 0 {
					size /= 4
				}
				y := make([]float32, size+1)
				y[size] = 42
				if status := c.RunToEnd(geom, weights, int64(n), &x[0], &y[0], scale, e, path, threads); status != 0 || y[size] != 42 {
					t.Fatal(name, c.Message(status), y[size])
				}
				return y[:size]
			}
			want := ended(run(c.Ending{}, 1), out, e)
			for threads := 1; threads <= 2; threads++ {
				got := run(e, threads)
				for k := range want {
					if got[k] != want[k] && !(got[k] != got[k] && want[k] != want[k]) {
						t.Fatalf("%s, %d threads: y[%d] is %g, want %g", name, threads, k, got[k], want[k])
					}
				}
			}
			geom.Free()
			weights.Free()
		}
	}
}

// Pools of four need fours.
func TestEndingRefused(t *testing.T) {
	x, y, w := make([]float32, 20), make([]float32, 20), make([]float32, 9)
	for out, tile := range map[int64]int64{18: 0, 16: 6} {
		index := make([]int32, out*9)
		geom, status := c.NewGeom(20, out, unsafe.Pointer(&index[0]), 4, nil, 0, tile)
		weights, _ := c.NewWeights(1, 1, &w[0], nil)
		if status != 0 {
			t.Fatal(c.Message(status))
		}
		for pool, want := range map[int]int{1: 2, 2: 2, 3: 1, -1: 1, 0: 0} {
			if got := c.RunToEnd(geom, weights, 1, &x[0], &y[0], nil, c.Ending{Pool: pool}, 0, 1); got != want {
				t.Errorf("%d outputs in tiles of %d, pool %d: status %d, want %d", out, tile, pool, got, want)
			}
		}
		geom.Free()
		weights.Free()
	}
}
