package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/astronnx/astronnx/internal/kernel"
)

// BenchmarkGemm reports the best run of each side in GFLOP/s, taken in turn, and how many times faster than gonum we are.
func BenchmarkGemm(b *testing.B) {
	for _, s := range [][3]int{{1024, 1024, 1024}, {256, 256, 256}, {64, 64, 64}, {32, 32, 32}, {16, 16, 16}, {16, 16384, 144}, {64, 16384, 576}, {1000, 37, 501}, {1, 1024, 1024}} {
		for _, threads := range []int{1, runtime.GOMAXPROCS(0)} {
			for _, path := range gemmPaths() {
				for _, transB := range []bool{false, true} {
					if path != kernel.Auto && (transB || threads > 1) {
						continue
					}
					b.Run(fmt.Sprintf("%dx%dx%d/%v/threads%d/transB=%v", s[0], s[1], s[2], path, threads, transB), func(b *testing.B) {
						benchGemm(b, s[0], s[1], s[2], path, threads, transB)
					})
				}
			}
		}
	}
}

func benchGemm(b *testing.B, m, n, k int, path kernel.Path, threads int, transB bool) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	r := rand.New(rand.NewPCG(1, 1))
	x, y, z := randoms(r, m*k), randoms(r, k*n), make([]float32, m*n)
	right, general, flag := kernel.Matrix[float32]{Data: y, RowStride: n, ColStride: 1}, blas32.General{Rows: k, Cols: n, Stride: n, Data: y}, blas.NoTrans
	if transB {
		right, general, flag = kernel.Matrix[float32]{Data: y, RowStride: 1, ColStride: k}, blas32.General{Rows: n, Cols: k, Stride: k, Data: y}, blas.Trans
	}
	repeat := max(1, 2000000/(m*n*k))
	ours, gonum := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		for range repeat {
			err := kernel.Gemm(m, n, k, 1, kernel.Matrix[float32]{Data: x, RowStride: k, ColStride: 1}, right,
				kernel.Matrix[float32]{Data: z, RowStride: n, ColStride: 1}, kernel.GemmOptions{Path: path, Threads: threads})
			if err != nil {
				b.Fatal(err)
			}
		}
		ours = min(ours, time.Since(start))
		start = time.Now()
		for range repeat {
			blas32.Gemm(blas.NoTrans, flag, 1, blas32.General{Rows: m, Cols: k, Stride: k, Data: x}, general, 1,
				blas32.General{Rows: m, Cols: n, Stride: n, Data: z})
		}
		gonum = min(gonum, time.Since(start))
	}
	flop := 2 * float64(m) * float64(n) * float64(k) * float64(repeat)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(flop/float64(ours.Nanoseconds()), "GFLOP/s")
	b.ReportMetric(flop/float64(gonum.Nanoseconds()), "gonum-GFLOP/s")
	b.ReportMetric(float64(gonum)/float64(ours), "x")
}
