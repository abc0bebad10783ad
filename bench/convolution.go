package main

import (
	"fmt"
	"math"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/runtime"
)

// The four shapes of a HEALPix convolution that stand for what networks do.
var convShapes = []struct {
	name             string
	n, ci, co, nside int64
}{
	{"s1", 32, 32, 32, 16},
	{"s2", 1, 16, 16, 256},
	{"s3", 8, 64, 64, 64},
	{"s4", 1, 3, 32, 512},
}

// convolution compares the kernel of HealpixConv with its function body, with onnxruntime's matrix product at work in cache, and
// with itself on two threads.
func convolution() ([]Row, error) {
	var rows []Row
	for _, s := range convShapes {
		r, err := convolve(s.name, s.n, s.ci, s.co, s.nside)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, r...)
	}
	return rows, nil
}

func convolve(name string, n, ci, co, nside int64) ([]Row, error) {
	pixels := 12 * nside * nside
	x := noise(1, n, ci, pixels)
	m, err := oneNode(healpixop.Domain+":HealpixConv", graph.Attrs{"nside": nside, "order": "NEST"}, x,
		noise(2, co, ci, 9), noise(3, co))
	if err != nil {
		return nil, err
	}
	one := runtime.NewConfig().WithEngine("onnxruntime").WithThreads(1)
	var runs []func() error
	for _, c := range []runtime.Config{one, one.WithFunctionBodies(true), one.WithThreads(2)} {
		run, stop, err := bound(m, c, x)
		if err != nil {
			return nil, err
		}
		defer stop()
		runs = append(runs, run)
	}
	t, err := fastest(6*time.Second, runs...)
	if err != nil {
		return nil, err
	}
	flop := 2 * 9 * float64(ci*co*pixels*n)
	rate := flop / float64(t[0].Nanoseconds())
	product, err := matMulRate(9*ci, co)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("%s %d×%d→%d nside %d", name, n, ci, co, nside)
	return []Row{
		faster(title, t[0], t[1], "function body, one thread", 2.3),
		more(title, rate, product, "GFLOP/s", "onnxruntime's MatMul in cache, one thread", 0.65),
		faster(title+", 2 threads", t[2], t[0], "one thread", 1.7),
	}, nil
}

// matMulRate is the best rate, in GFLOP/s on one thread, of onnxruntime's product with a constant k×co matrix while all of it stays
// in cache: over several heights, and either operand transposed.
func matMulRate(k, co int64) (float64, error) {
	var runs []func() error
	var flops []float64
	for _, rows := range []int64{128, 256, 512, 1024} {
		for _, left := range []bool{false, true} {
			x, w := noise(4, rows, k), noise(5, k, co)
			op, attrs := "MatMul", graph.Attrs(nil)
			if left {
				op, attrs = "Gemm", graph.Attrs{"transB": 1}
				w = noise(5, co, k)
			}
			m, err := oneNode(op, attrs, x, w)
			if err != nil {
				return 0, err
			}
			run, stop, err := bound(m, runtime.NewConfig().WithEngine("onnxruntime").WithThreads(1), x)
			if err != nil {
				return 0, err
			}
			defer stop()
			repeat := int(math.Ceil(2e8 / float64(2*rows*k*co)))
			runs = append(runs, func() error {
				for range repeat {
					if err := run(); err != nil {
						return err
					}
				}
				return nil
			})
			flops = append(flops, 2*float64(rows*k*co)*float64(repeat))
		}
	}
	t, err := fastest(time.Second, runs...)
	best := 0.0
	for i, d := range t {
		best = max(best, flops[i]/float64(d.Nanoseconds()))
	}
	return best, err
}
