//go:build !cgo || purego

package kernel

import (
	"sync"
	"sync/atomic"

	"github.com/astronnx/astronnx/internal/errs"
)

// Geometry is a table made ready: which input pixels are read together, and how. Here it holds no foreign memory.
type Geometry struct {
	index   []int64 // (out, Taps); -1 missing, -2-i fill i
	fills   []Fill
	in, out int
}

// Weights is the filter of one layer made ready. Here it holds no foreign memory.
type Weights struct {
	w, bias []float32 // w: (co, Taps, ci)
	ci, co  int
}

// NewGeometry makes a table (out, Taps) ready. An entry below 0 or not below `in` is missing and reads 0.
func NewGeometry[I int32 | int64](in int, index []I, l Layout) (*Geometry, error) {
	out, err := checkTable(in, len(index), l)
	if err != nil {
		return nil, err
	}
	g := &Geometry{index: make([]int64, len(index)), fills: append([]Fill(nil), l.Fills...), in: in, out: out}
	for i, v := range index {
		g.index[i] = int64(v)
		if v < 0 || int64(v) >= int64(in) {
			g.index[i] = -1
		}
	}
	for i, f := range g.fills {
		inside := f.Pixel >= 0 && f.Pixel < int64(out) && f.Tap >= 0 && f.Tap < Taps &&
			min(f.A, f.B) >= 0 && max(f.A, f.B) < int64(in)
		if !inside || g.index[f.Pixel*Taps+f.Tap] < -1 {
			return nil, errs.New(errs.Input, "fill %d, %+v: outside the table or given twice", i, f)
		}
		g.index[f.Pixel*Taps+f.Tap] = -2 - int64(i)
	}
	return g, nil
}

// Close releases the geometry, which no run may use any more.
func (g *Geometry) Close() {}

// NewWeights makes a filter ready: w is (co, ci, Taps), bias (co) or nil.
func NewWeights(co, ci int, w, bias []float32) (*Weights, error) {
	if err := checkWeights(co, ci, w, bias); err != nil {
		return nil, err
	}
	f := &Weights{w: make([]float32, len(w)), bias: make([]float32, co), ci: ci, co: co}
	for o := range co {
		for i := range ci {
			for k := range Taps {
				f.w[(o*Taps+k)*ci+i] = w[(o*ci+i)*Taps+k]
			}
		}
	}
	copy(f.bias, bias)
	return f, nil
}

// Close releases the weights, which no run may use any more.
func (w *Weights) Close() {}

// Conv is
//
//	y[n,o,p] = bias[o] + scale[p] * sum over i, k of w[o,i,k] * x[n,i,index[p,k]]
//
// with 0 for missing and masked pixels. y is (N, Co, Out) and must not overlap the input. Safe for many goroutines; the result
// does not depend on Threads.
func Conv(g *Geometry, w *Weights, y []float32, a ConvInput) error {
	if err := checkConv(g.in, g.out, w.ci, w.co, y, a); err != nil {
		return err
	}
	if !a.Path.Available() {
		return errs.New(errs.Unavailable, "convolution on path %v: this build has Go code only", a.Path)
	}
	const chunk = 256 // output pixels of one item
	perMap := (g.out + chunk - 1) / chunk
	var next atomic.Int64
	work := func() {
		window := make([]float32, Taps*w.ci)
		for i := int(next.Add(1) - 1); i < a.N*perMap; i = int(next.Add(1) - 1) {
			first := i % perMap * chunk
			convPixels(g, w, y, &a, i/perMap, first, min(first+chunk, g.out), window)
		}
	}
	var group sync.WaitGroup
	for range a.Threads - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return nil
}

func convPixels(g *Geometry, w *Weights, y []float32, a *ConvInput, n, first, last int, window []float32) {
	x := a.X[n*w.ci*g.in : (n+1)*w.ci*g.in]
	y = y[n*w.co*g.out : (n+1)*w.co*g.out]
	mask, scale := a.Mask, a.Scale
	if len(mask) > g.in {
		mask = mask[n*g.in:]
	}
	if len(scale) > g.out {
		scale = scale[n*g.out:]
	}
	valid := func(p int64) bool { return mask == nil || mask[p] }
	add := func(to []float32, p int64, t float32) {
		if p < 0 || !valid(p) {
			return
		}
		for i := range to {
			to[i] += t * x[i*g.in+int(p)]
		}
	}
	for p := first; p < last; p++ {
		clear(window)
		for k, v := range g.index[p*Taps : (p+1)*Taps] {
			to := window[k*w.ci : (k+1)*w.ci]
			if v >= -1 {
				add(to, v, 1)
				continue
			}
			f, t := g.fills[-2-v], float32(0.5)
			if a.FillValidMean && !(valid(f.A) && valid(f.B)) {
				t = 1
			}
			add(to, f.A, t)
			add(to, f.B, t)
		}
		for o := range w.co {
			var sum float32
			for i, v := range w.w[o*len(window) : (o+1)*len(window)] {
				sum += v * window[i]
			}
			if scale != nil {
				sum *= scale[p]
			}
			y[o*g.out+p] = sum + w.bias[o]
		}
	}
}

// Available says whether this build and processor have the path.
func (p Path) Available() bool { return p == Auto || p == Portable }

// Peak measures the arithmetic limit of one core on the path, in GFLOP/s; 0 if it cannot. It takes some milliseconds.
func (p Path) Peak() float64 { return 0 }
