package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// The forms of the adjoint of a convolution in its weights, each of (X, dY).
var (
	// A convolution of X with dY whose batch and channels change places, and strides and dilations with them. It serves all.
	weightSwapped = &form{"swapped Conv", nil, (*sweep).weightBySwapped}
	// A product for each image and element of the kernel, of dY with what that element saw.
	weightTaps = &form{"per tap", fewTaps, (*sweep).weightByTaps}
	// The same in one product for each image.
	weightColumns = &form{"im2col", func(s *sweep, t Target) bool { return s.group == 1 && fewTaps(s, t) }, (*sweep).weightByColumns}
	// The same in one product for the whole batch.
	weightColumnsOnce = &form{"im2col in one GEMM", func(s *sweep, t Target) bool {
		return s.group == 1 && fewTaps(s, t) && s.fixed()
	}, (*sweep).weightByColumnsOnce}
	// A product for each element of the kernel and the whole batch, which suits maps that are small.
	weightTapsOnce = &form{"per tap in one GEMM", func(s *sweep, t Target) bool { return s.group == 1 && fewTaps(s, t) }, (*sweep).weightByTapsOnce}
	weightKernel   = &form{"ConvGradWeight", hasKernel, func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value {
		a := s.attrs()
		a["kernel_shape"] = s.kernel
		return b.Fused(1, "ConvGradWeight", a, in...)[0]
	}}
)

// maxTaps bounds the nodes that a gradient by taps takes.
const maxTaps = 125

func fewTaps(s *sweep, _ Target) bool {
	taps, ok := graph.NumElements(s.kernel)
	return s.kernel != nil && ok && taps <= maxTaps
}

func (s *sweep) weightBySwapped(b *Builder, in ...*graph.Value) *graph.Value {
	x, dy := in[0], b.Transpose(in[1], swapped(0, s.k)...)
	attrs := graph.Attrs{"strides": s.dilation, "dilations": s.stride, "group": s.group}
	longer := false // than the kernel, where the image goes on behind the last window
	if s.kernel != nil && s.before.all(func(p int64) bool { return p >= 0 }) && s.after.known != nil {
		attrs["pads"] = slices.Concat(s.before.known, atLeast(0, s.after.known))
		for i, p := range s.after.known {
			longer = longer || p <= -s.dilation[i]
		}
	} else {
		x = s.cover(b, x)
	}
	d := b.Op("Conv", attrs, foldGroups(b, x, s.k, s.group), dy)
	if longer {
		d = b.Op("Slice", nil, d, b.Ints(make([]int64, s.k)...), b.Ints(s.kernel...), b.Ints(spatialAxes(s.k)...))
	}
	return b.Transpose(d, swapped(0, s.k)...)
}

// foldGroups makes images (N, g·C, ...) the batch (C, g·N, ...).
func foldGroups(b *Builder, x *graph.Value, k int, group int64) *graph.Value {
	if group == 1 {
		return b.Transpose(x, swapped(0, k)...)
	}
	perm := []int64{2, 1, 0}
	for i := range k {
		perm = append(perm, int64(3+i))
	}
	tail := b.Op("Shape", graph.Attrs{"start": 2}, x)
	x = b.Op("Reshape", nil, x, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, group, -1), tail))
	return b.Op("Reshape", nil, b.Transpose(x, perm...), b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, -1), tail))
}

// seen slices from x, which the windows cover, what each element of the kernel sees of it at all positions of dy.
func (s *sweep) seen(b *Builder, x, dy *graph.Value) []*graph.Value {
	one := each(s.k, 1)
	spread := spatialSizes(b, dy).combine(b, "Sub", one).combine(b, "Mul", sizes{known: s.stride}).combine(b, "Add", one)
	taps, _ := graph.NumElements(s.kernel)
	parts, at := make([]*graph.Value, taps), make([]int64, s.k)
	for i := range parts {
		start := sizes{known: make([]int64, s.k)}
		for axis := range at {
			start.known[axis] = at[axis] * s.dilation[axis]
		}
		in := []*graph.Value{x, start.in(b), start.combine(b, "Add", spread).in(b), b.Ints(spatialAxes(s.k)...)}
		if s.strided() {
			in = append(in, b.Ints(s.stride...))
		}
		parts[i] = b.Op("Slice", nil, in...)
		increment(at, s.kernel)
	}
	return parts
}

func (s *sweep) weightByTaps(b *Builder, in ...*graph.Value) *graph.Value {
	dy := in[1]
	d := s.perGroup(b, dy, dy)
	var parts []*graph.Value // (group, M/group, C/group) each
	for _, seen := range s.seen(b, s.cover(b, in[0]), dy) {
		products := b.Op("MatMul", nil, d, b.Transpose(s.perGroup(b, seen, dy), 0, 1, 3, 2))
		parts = append(parts, b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, products, b.Ints(0)))
	}
	all := parts[0]
	if len(parts) > 1 {
		all = b.Op("Concat", graph.Attrs{"axis": 2}, parts...)
	}
	channels := b.Op("Shape", graph.Attrs{"start": 1, "end": 2}, dy)
	if m := dimOf(dy, 1); m > 0 {
		channels = b.Ints(m)
	}
	shape := b.Op("Concat", graph.Attrs{"axis": 0}, channels, b.Ints(int64(len(parts)), -1))
	return s.tapsLast(b, b.Op("Reshape", nil, all, shape))
}

// perGroup views (N, group·channels, ...) at the positions of dy as (N, group, channels, positions).
func (s *sweep) perGroup(b *Builder, v, dy *graph.Value) *graph.Value {
	positions := spatialSizes(b, dy)
	if n, ok := graph.NumElements(positions.known); positions.known != nil && ok {
		return b.Reshape(v, 0, s.group, -1, n)
	}
	n := b.Op("ReduceProd", graph.Attrs{"keepdims": 1}, positions.in(b))
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, s.group, -1), n))
}

// tapsLast makes (M, taps, C/group) the shape of the weights.
func (s *sweep) tapsLast(b *Builder, v *graph.Value) *graph.Value {
	return b.Reshape(b.Transpose(v, 0, 2, 1), append([]int64{0, 0}, s.kernel...)...)
}

func (s *sweep) weightByColumns(b *Builder, in ...*graph.Value) *graph.Value {
	dy := in[1]
	columns := b.Op("Concat", graph.Attrs{"axis": 1}, s.seen(b, s.cover(b, in[0]), dy)...)
	products := b.Op("MatMul", nil, flatPlanes(b, columns), b.Transpose(flatPlanes(b, dy), 0, 2, 1))
	sum := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, products, b.Ints(0)) // (taps·C, M)
	taps, _ := graph.NumElements(s.kernel)
	return s.tapsLast(b, b.Reshape(b.Transpose(sum, 1, 0), 0, taps, -1))
}

func (s *sweep) weightByColumnsOnce(b *Builder, in ...*graph.Value) *graph.Value {
	x, dy := b.Transpose(in[0], swapped(0, s.k)...), b.Transpose(in[1], swapped(0, s.k)...)
	columns := b.Op("Concat", graph.Attrs{"axis": 0}, s.seen(b, s.cover(b, x), dy)...)
	product := b.Op("Gemm", graph.Attrs{"transB": 1}, b.Reshape(dy, 0, -1), b.Reshape(columns, 0, -1)) // (M, taps·C)
	taps, _ := graph.NumElements(s.kernel)
	return s.tapsLast(b, b.Reshape(product, 0, taps, -1))
}

func (s *sweep) weightByTapsOnce(b *Builder, in ...*graph.Value) *graph.Value {
	x, dy := b.Transpose(in[0], swapped(0, s.k)...), b.Transpose(in[1], swapped(0, s.k)...)
	d := b.Reshape(dy, 0, -1)
	var parts []*graph.Value // (M, C) each
	for _, seen := range s.seen(b, s.cover(b, x), dy) {
		parts = append(parts, b.Op("Gemm", graph.Attrs{"transB": 1}, d, b.Reshape(seen, 0, -1)))
	}
	all := parts[0]
	if len(parts) > 1 {
		all = b.Op("Concat", graph.Attrs{"axis": 1}, parts...)
	}
	return s.tapsLast(b, b.Reshape(all, 0, int64(len(parts)), -1))
}
