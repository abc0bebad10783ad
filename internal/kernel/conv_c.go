//go:build cgo && !purego

package kernel

import (
	"runtime"
	"unsafe"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/kernel/c"
)

// Geometry is a table made ready: which input pixels are read together, and how. It holds foreign memory: Close it, or leave it
// to the garbage collector.
type Geometry struct {
	c       c.Geom
	in, out int
	cleanup runtime.Cleanup
}

// Weights is the filter of one layer made ready. It holds foreign memory: Close it, or leave it to the garbage collector.
type Weights struct {
	c       c.Weights
	ci, co  int
	cleanup runtime.Cleanup
}

func failure(status int, what string) error {
	if status == 0 {
		return nil
	}
	code := errs.Input
	switch status {
	case 4:
		code = errs.Limit
	case 5:
		code = errs.Unavailable
	}
	return errs.New(code, "%s: %s", what, c.Message(status))
}

// NewGeometry makes a table (out, Taps) ready. An entry below 0 or not below `in` is missing and reads 0.
func NewGeometry[I int32 | int64](in int, index []I, l Layout) (*Geometry, error) {
	out, err := checkTable(in, len(index), l)
	if err != nil {
		return nil, err
	}
	var entry I
	p, status := c.NewGeom(int64(in), int64(out), unsafe.Pointer(unsafe.SliceData(index)), int(unsafe.Sizeof(entry)),
		unsafe.Pointer(unsafe.SliceData(l.Fills)), int64(len(l.Fills)), int64(l.Tile))
	if err := failure(status, "convolution table"); err != nil {
		return nil, err
	}
	g := &Geometry{c: p, in: in, out: out}
	g.cleanup = runtime.AddCleanup(g, c.Geom.Free, p)
	return g, nil
}

// Close releases the geometry, which no run may use any more.
func (g *Geometry) Close() {
	g.cleanup.Stop()
	g.c.Free()
	g.c = c.Geom{}
}

// NewWeights makes a filter ready: w is (co, ci, Taps), bias (co) or nil.
func NewWeights(co, ci int, w, bias []float32) (*Weights, error) {
	if err := checkWeights(co, ci, w, bias); err != nil {
		return nil, err
	}
	p, status := c.NewWeights(int64(co), int64(ci), unsafe.SliceData(w), unsafe.SliceData(bias))
	if err := failure(status, "convolution weights"); err != nil {
		return nil, err
	}
	f := &Weights{c: p, ci: ci, co: co}
	f.cleanup = runtime.AddCleanup(f, c.Weights.Free, p)
	return f, nil
}

// Close releases the weights, which no run may use any more.
func (w *Weights) Close() {
	w.cleanup.Stop()
	w.c.Free()
	w.c = c.Weights{}
}

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
	status := c.Run(g.c, w.c, int64(a.N), unsafe.SliceData(a.X), unsafe.SliceData(y),
		unsafe.SliceData(a.Mask), len(a.Mask) > g.in, unsafe.SliceData(a.Scale), len(a.Scale) > g.out,
		a.FillValidMean, int(a.Path), a.Threads)
	runtime.KeepAlive(g)
	runtime.KeepAlive(w)
	return failure(status, "convolution on path "+a.Path.String())
}

// Available says whether this build and processor have the path.
func (p Path) Available() bool { return c.HasPath(int(p)) }

// Peak measures the arithmetic limit of one core on the path, in GFLOP/s; 0 if it cannot. It takes some milliseconds.
func (p Path) Peak() float64 { return c.Peak(int(p)) }
