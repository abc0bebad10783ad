//go:build cgo && !purego

package kernel

import (
	"unsafe"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/kernel/c"
)

// ConvND is a convolution of volumes; those of depth 1 are images. The fields stand as in the C shape.
type ConvND struct {
	N, Ci, Co               int64
	In, Out, Kernel, Stride [3]int64
	Pad                     [3]int64 // zeros before the first element of an axis; what Out reaches beyond the end reads 0
}

// Forward sets y (N, Co, Out) to
//
//	y[n,o,p] = bias[o] + sum over c, k of w[o,c,k] * x[n,c,p*stride+k-pad]
//
// where x (N, Ci, In) reads 0 outside; w is (Co, Ci, Kernel), bias (Co) or nil. The result of this and of the gradients does not
// depend on the number of threads, to the last bit; results must not overlap operands.
func (s ConvND) Forward(x, w, bias, y []float32, path Path, threads int) error {
	return s.run(0, x, w, bias, y, s.input(), s.filter(), s.output(), path, threads)
}

// GradInput sets dx from the gradient dy of y.
func (s ConvND) GradInput(dy, w, dx []float32, path Path, threads int) error {
	return s.run(1, dy, w, nil, dx, s.output(), s.filter(), s.input(), path, threads)
}

// GradWeight sets dw from the gradient dy of y.
func (s ConvND) GradWeight(x, dy, dw []float32, path Path, threads int) error {
	return s.run(2, x, dy, nil, dw, s.input(), s.output(), s.filter(), path, threads)
}

func volume(v [3]int64) int64 { return v[0] * v[1] * v[2] }

func (s ConvND) input() int64  { return s.N * s.Ci * volume(s.In) }
func (s ConvND) output() int64 { return s.N * s.Co * volume(s.Out) }
func (s ConvND) filter() int64 { return s.Co * s.Ci * volume(s.Kernel) }

func (s ConvND) run(op int, a, b, bias, result []float32, na, nb, nr int64, path Path, threads int) error {
	if int64(len(a)) != na || int64(len(b)) != nb || int64(len(result)) != nr || bias != nil && int64(len(bias)) != s.Co {
		return errs.New(errs.Input, "a convolution of %d and %d values with a bias of %d to %d: expected %d, %d, %d or none, %d",
			len(a), len(b), len(bias), len(result), na, nb, s.Co, nr)
	}
	status := c.ConvND((*[18]int64)(unsafe.Pointer(&s)), op, unsafe.SliceData(a), unsafe.SliceData(b), unsafe.SliceData(bias),
		unsafe.SliceData(result), int(path), threads)
	return failure(status, "convolution on path "+path.String())
}
