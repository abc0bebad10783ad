package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// form is one way to write a convolution or one of its adjoints.
type form struct {
	name  string
	fits  func(s *sweep, t Target) bool // whether it can be written so, nil: always
	write func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value
}

func (f *form) String() string { return f.name }

func (f *form) fitsFor(s *sweep, t Target) bool { return f.fits == nil || f.fits(s, t) }

// rule says where a form is the fastest. Zero fields hold everywhere.
type rule struct {
	form    *form
	on      place
	axes    int // spatial
	strides pace
	even    bool  // a kernel of even size along some axis
	upto    int64 // the map of positions is known and not larger along any axis
	wide    int64 // at least as many channels on both sides
	narrow  int64 // at most as many channels of the image
	grouped bool  // channels in groups
}

// place is where nodes run.
type place uint8

const (
	anywhere place = iota
	onCPU
	onCUDA
	kernels // on the CPU, where operators of Fused run as kernels
)

// pace is how a window moves.
type pace uint8

const (
	anyPace pace = iota
	byOne        // along all axes
	byMore       // along some axis
)

// The forms in order of preference; the first that is meant for a sweep and fits it is written. The last fits all. They follow from
// times of onnxruntime 1.30 and the kernels on one thread of a CPU with AVX2, with which those of 1.27 on one with AVX-512 agree.
// CUDA was not measured: few and large products are taken to suit it, and a convolution whose kernel is as large as an image is not.
var (
	forwardRules = []rule{
		{form: forwardKernel, on: kernels},
		{form: forwardFolded, on: onCPU, axes: 3, strides: byOne, wide: 8},
		{form: forwardConv},
	}
	inputRules = []rule{
		{form: inputKernel, on: kernels},
		{form: inputFolded, on: onCPU, axes: 3, strides: byOne, wide: 8},
		{form: inputFlipped, strides: byOne},
		{form: inputTransposed, on: onCUDA},
		{form: inputColumns, axes: 2, upto: 4, wide: 64},
		{form: inputTransposed, on: onCPU},
		{form: inputSubpixel},
		{form: inputStuffed},
	}
	weightRules = []rule{
		{form: weightKernel, on: kernels},
		{form: weightColumnsOnce, on: onCUDA, axes: 2},
		{form: weightTaps, on: onCUDA},
		{form: weightTaps, grouped: true},
		{form: weightSwapped, upto: 4},
		{form: weightSwapped, strides: byMore, even: true},
		{form: weightSwapped, strides: byMore, axes: 3},
		{form: weightColumns, narrow: 4},
		{form: weightTapsOnce, upto: 16},
		{form: weightTaps},
		{form: weightSwapped},
	}
)

// choose returns the form of the first rule that holds for s and t.
func choose(rules []rule, s *sweep, t Target) *form {
	for _, r := range rules {
		if r.holds(s, t) && r.form.fitsFor(s, t) {
			return r.form
		}
	}
	panic("ops: no form of a convolution fits")
}

func (r *rule) holds(s *sweep, t Target) bool {
	switch r.on {
	case onCPU:
		if t.CUDA {
			return false
		}
	case onCUDA:
		if !t.CUDA {
			return false
		}
	case kernels:
		if t.CUDA || !t.Kernels {
			return false
		}
	}
	large := !s.positions.all(func(n int64) bool { return n <= r.upto })
	switch {
	case r.axes != 0 && r.axes != s.k,
		r.strides == byOne && s.strided(),
		r.strides == byMore && !s.strided(),
		r.even && !slices.ContainsFunc(s.kernel, func(n int64) bool { return n%2 == 0 }),
		r.upto != 0 && large,
		r.wide != 0 && min(s.in, s.out) < r.wide,
		r.narrow != 0 && (s.in < 0 || s.in > r.narrow),
		r.grouped && s.group == 1:
		return false
	}
	return true
}

// hasKernel reports whether kernels of [Fused] take a sweep. One of single elements is left to products of matrices.
func hasKernel(s *sweep, t Target) bool {
	return t.Kernels && !t.CUDA && (s.k == 2 || s.k == 3) && s.plain() && s.fixed() && s.whole() && !all(s.kernel, 1)
}

// stock is t without kernels: what the body of an operator of Fused is written for.
func (t Target) stock() Target {
	t.Kernels = false
	return t
}

func all(xs []int64, x int64) bool {
	return !slices.ContainsFunc(xs, func(v int64) bool { return v != x })
}

// atLeast is xs with nothing below low.
func atLeast(low int64, xs []int64) []int64 {
	ys := slices.Clone(xs)
	for i, x := range ys {
		ys[i] = max(low, x)
	}
	return ys
}

// dimOf is the size of v along an axis, -1 where it is not known.
func dimOf(v *graph.Value, axis int) int64 {
	if s := v.Type.Sizes(); axis < len(s) {
		return s[axis]
	}
	return -1
}

// spatialAxes are the axes 2 to k+1.
func spatialAxes(k int) []int64 {
	axes := make([]int64, k)
	for i := range axes {
		axes[i] = int64(i + 2)
	}
	return axes
}
