package ops

import (
	"maps"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// resizeGrad multiplies dy along every axis by the transposed matrix of interpolation. Where sizes and scales are known
// the matrix is a constant, and whole-number repetition a sum; else it is the resized unit matrix.
func resizeGrad(b *Builder, n *graph.Node, dy *graph.Value, r *resizing, at resizeInputs) []*graph.Value {
	x := n.In[0]
	rank := x.Type.Rank()
	if rank < 0 {
		panic("ops: the gradient of Resize needs the rank of its input")
	}
	axes := resizedOf(b, n, at)
	d := dy
	for axis := range rank {
		if a := axes[axis]; a.same() || a.in < 0 && a.scale == 1 {
			continue
		} else if a.in >= 0 && a.out >= 0 && a.scale > 0 {
			from, err := r.stencils(a)
			if err != nil {
				panic(err)
			}
			if times := repetition(r, a, from); times > 0 {
				d = sumRepeated(b, d, axis, times)
			} else {
				d = alongAxisBy(b, d, b.CastLike(b.Const(interpolation(a, from)), dy), axis, rank)
			}
			continue
		}
		if n.Attrs.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
			panic("ops: the gradient of Resize that keeps the aspect ratio needs the sizes of its input")
		}
		if given := n.Attrs.Ints("axes", nil); given != nil && !slices.Contains(given, int64(axis)) &&
			!slices.Contains(given, int64(axis-rank)) {
			continue
		}
		d = alongAxisBy(b, d, resizedUnit(b, n, dy, at, axis), axis, rank)
	}
	return []*graph.Value{d}
}

// resizedOf is what is known of each axis when the gradient is written; the scale is 0 where it is not known.
func resizedOf(b *Builder, n *graph.Node, at resizeInputs) []resizedAxis {
	shape := n.In[0].Type.Sizes()
	constant := func(i int) *graph.Tensor {
		if i == at.scales && n.Attrs.Has("scales") {
			return scalesAttr(n)
		}
		if i == 0 || n.Input(i) == nil {
			return nil
		}
		return b.infer.constant(n.Input(i), 0)
	}
	roi, scales, sizes := constant(at.roi), constant(at.scales), constant(at.sizes)
	crop := n.Attrs.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize"
	if !crop || roi != nil {
		if axes, err := resizedAxes(n, shape, roi, scales, sizes); err == nil {
			return axes
		}
	}
	axes := make([]resizedAxis, len(shape))
	for i := range axes {
		axes[i] = resizedAxis{in: -1, out: -1}
	}
	return axes
}

// repetition returns how often each element is repeated, 0 if that is not what is done.
func repetition(r *resizing, a resizedAxis, from []stencil) int64 {
	if r.mode != "nearest" || a.in == 0 || a.out%a.in != 0 {
		return 0
	}
	times := a.out / a.in
	for i, s := range from {
		if s.weights == nil || int64(min(max(0, s.first+int(s.weights[1])), int(a.in)-1)) != int64(i)/times {
			return 0
		}
	}
	return times
}

// sumRepeated sums groups of consecutive elements along an axis.
func sumRepeated(b *Builder, d *graph.Value, axis int, times int64) *graph.Value {
	lead := slices.Repeat([]int64{0}, axis)
	tail := b.Op("Shape", graph.Attrs{"start": int64(axis + 1)}, d)
	shape := b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(append(lead, -1, times)...), tail)
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Op("Reshape", nil, d, shape), b.Ints(int64(axis+1)))
}

// interpolation is the matrix (out, in) of an axis.
func interpolation(a resizedAxis, from []stencil) *graph.Tensor {
	m := graph.NewTensor(graph.Float64, a.out, a.in)
	data := graph.Data[float64](m)
	for i, s := range from {
		for k, w := range s.weights {
			data[i*int(a.in)+min(max(0, s.first+k), int(a.in)-1)] += w
		}
	}
	return m
}

// alongAxisBy multiplies d along an axis of size out by a matrix (out, in), transposed.
func alongAxisBy(b *Builder, d, m *graph.Value, axis, rank int) *graph.Value {
	if axis == rank-1 {
		return b.Op("MatMul", nil, d, m)
	}
	m = b.Transpose(m, 1, 0)
	if axis == rank-2 {
		return b.Op("MatMul", nil, m, d)
	}
	lead := slices.Repeat([]int64{0}, axis)
	tail := b.Op("Shape", graph.Attrs{"start": int64(axis + 1)}, d)
	flat := b.Op("MatMul", nil, m, b.Reshape(d, append(slices.Clone(lead), 0, -1)...))
	return b.Op("Reshape", nil, flat, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(append(lead, 0)...), tail))
}

// resizedUnit is the matrix of interpolation of an axis whose sizes only the run knows: a unit matrix whose rows are resized.
func resizedUnit(b *Builder, n *graph.Node, dy *graph.Value, at resizeInputs, axis int) *graph.Value {
	x := n.In[0]
	pick := func(v *graph.Value, i int) *graph.Value { return b.Op("Gather", nil, v, b.Ints(int64(i))) }
	join := func(v ...*graph.Value) *graph.Value { return b.Op("Concat", graph.Attrs{"axis": 0}, v...) }
	place, count := axis, x.Type.Rank() // of the axis among those that are resized
	if given := n.Attrs.Ints("axes", nil); given != nil {
		place = max(slices.Index(given, int64(axis)), slices.Index(given, int64(axis-count)))
		count = len(given)
	}
	attrs := maps.Clone(n.Attrs)
	delete(attrs, "axes")
	delete(attrs, "extrapolation_value")
	size := pick(b.Op("Shape", nil, x), axis)
	numbers := b.Op("Range", nil, b.Int(0), b.Op("Squeeze", nil, size, b.Ints(0)), b.Int(1))
	unit := b.CastLike(b.Op("Equal", nil, numbers, b.Op("Unsqueeze", nil, numbers, b.Ints(1))), dy)
	in := make([]*graph.Value, max(at.roi, at.scales, at.sizes)+1)
	in[0] = unit
	if n.Attrs.Str("coordinate_transformation_mode", "") == "tf_crop_and_resize" {
		roi := n.In[at.roi]
		in[at.roi] = join(b.CastLike(b.Const(graph.Vector[float32](0)), roi), pick(roi, place),
			b.CastLike(b.Const(graph.Vector[float32](1)), roi), pick(roi, count+place))
	}
	if v := n.Input(at.sizes); at.sizes > 0 && v != nil {
		in[at.sizes] = join(size, pick(v, place))
	} else {
		scales := n.In[at.scales]
		in[at.scales] = join(b.CastLike(b.Const(graph.Vector[float32](1)), scales), pick(scales, place))
	}
	return b.Transpose(b.Op(n.Op, attrs, in...), 1, 0)
}
