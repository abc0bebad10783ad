package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// sweep is a window over an input as the gradients of convolutions and pools write it. No size needs to be known: what
// is not is computed by the graph.
type sweep struct {
	*window
	k      int   // spatial axes
	extent sizes // that a window spans
	full   sizes // that all windows together span
	before sizes // of them that lie ahead of the input
	after  sizes // of them that lie behind it; negative where the input goes on
}

// sweepOf describes the window of n, a node whose kernel has the spatial sizes of weights or is an attribute, for an image and
// positions of the given sizes: input and output but for ConvTranspose, where they change places.
func sweepOf(b *Builder, n *graph.Node, weights *graph.Value, image, positions sizes) *sweep {
	kernel := sizes{known: n.Attrs.Ints("kernel_shape", nil)}
	if kernel.known == nil && weights != nil {
		kernel = spatialSizes(b, weights)
	}
	k := len(kernel.known)
	if k == 0 {
		k = weights.Type.Rank() - 2
	}
	if k < 1 {
		panic("ops: the gradient of " + n.Op + " needs the rank of its weights")
	}
	win := windowAttrs(n, k)
	s := &sweep{window: win, k: k}
	s.kernel = kernel.known
	one := each(k, 1)
	s.extent = kernel.combine(b, "Sub", one).combine(b, "Mul", sizes{known: s.dilation}).combine(b, "Add", one)
	s.full = positions.combine(b, "Sub", one).combine(b, "Mul", sizes{known: s.stride}).combine(b, "Add", s.extent)
	s.before = sizes{known: s.window.before} // zeros if auto_pad is VALID
	if s.auto == "SAME_UPPER" || s.auto == "SAME_LOWER" || n.Attrs.Has("output_shape") {
		total := s.full.combine(b, "Add", sizes{known: n.Attrs.Ints("output_padding", each(k, 0).known)})
		total = total.combine(b, "Sub", image).combine(b, "Max", each(k, 0))
		if s.auto != "SAME_UPPER" {
			total = total.combine(b, "Add", one)
		}
		s.before = total.combine(b, "Div", each(k, 2))
	}
	s.after = s.full.combine(b, "Sub", image).combine(b, "Sub", s.before)
	return s
}

// windowAttrs reads n's strides, dilations and pads for k spatial axes; the kernel is left open.
func windowAttrs(n *graph.Node, k int) *window {
	attrs := graph.Attrs{}
	for _, name := range []string{"strides", "dilations", "pads", "auto_pad", "ceil_mode"} {
		if v, ok := n.Attrs[name]; ok {
			attrs[name] = v
		}
	}
	win, err := windowOf(attrs, slices.Repeat([]int64{1}, k))
	if err != nil {
		panic(fmt.Sprintf("ops: the gradient of %s: %v", n.Op, err))
	}
	return win
}

// cover pads or crops x to what the windows span.
func (s *sweep) cover(b *Builder, x *graph.Value) *graph.Value {
	return padSpatial(b, x, s.before, s.after)
}

// conv is the convolution of x by the sweep, without bias.
func (s *sweep) conv(b *Builder, x, w *graph.Value, group int64) *graph.Value {
	return convPadded(b, graph.Attrs{"strides": s.stride, "dilations": s.dilation, "group": group}, x, w, s.before, s.after)
}

// convPadded is a convolution with pads: attributes where they are known, else nodes.
func convPadded(b *Builder, attrs graph.Attrs, x, w *graph.Value, before, after sizes) *graph.Value {
	natural := func(p int64) bool { return p >= 0 }
	if before.all(natural) && after.all(natural) {
		attrs["pads"] = slices.Concat(before.known, after.known)
		return b.Op("Conv", attrs, x, w)
	}
	return b.Op("Conv", attrs, padSpatial(b, x, before, after), w)
}

// inputGrad is the adjoint of a convolution in its input: a convolution of dy with the turned kernel, which engines run
// much faster than the transposed one; dy is first spread by the strides. In one and two dimensions with strides the
// transposed one is faster.
func (s *sweep) inputGrad(b *Builder, dy, w *graph.Value, group int64) *graph.Value {
	strided := slices.ContainsFunc(s.stride, func(x int64) bool { return x != 1 })
	zero := each(s.k, 0)
	if strided && s.k < 3 {
		attrs := graph.Attrs{"strides": s.stride, "dilations": s.dilation, "group": group}
		if s.after.known == nil || !s.before.all(func(p int64) bool { return p >= 0 }) {
			whole := b.Op("ConvTranspose", attrs, dy, w)
			return padSpatial(b, whole, zero.combine(b, "Sub", s.before), zero.combine(b, "Sub", s.after))
		}
		attrs["pads"] = slices.Concat(s.before.known, s.after.combine(b, "Max", zero).known)
		attrs["output_padding"] = zero.combine(b, "Sub", s.after).combine(b, "Max", zero).known
		return b.Op("ConvTranspose", attrs, dy, w)
	}
	// Behind the last window the spread dy ends with stride-1 zeros more.
	reach := s.extent.combine(b, "Sub", each(s.k, 1))
	before, after := reach.combine(b, "Sub", s.before), reach.combine(b, "Sub", s.after)
	if strided {
		dy = spreadBy(b, dy, s.stride)
		after = after.combine(b, "Sub", sizes{known: s.stride}).combine(b, "Add", each(s.k, 1))
	}
	return convPadded(b, graph.Attrs{"dilations": s.dilation, "group": group}, dy, turned(b, w, s.k, group), before, after)
}

// turned reverses the spatial axes of weights (M, C/group, ...) and makes them (C, M/group, ...).
func turned(b *Builder, w *graph.Value, k int, group int64) *graph.Value {
	var starts, ends, steps, axes []int64
	for i := range k {
		starts, ends, steps, axes = append(starts, -1), append(ends, -1<<31), append(steps, -1), append(axes, int64(i+2))
	}
	w = b.Op("Slice", nil, w, b.Ints(starts...), b.Ints(ends...), b.Ints(axes...), b.Ints(steps...))
	return swapGrouped(b, w, k, group)
}

// swapGrouped makes (g·A, B, ...) of g groups (g·B, A, ...).
func swapGrouped(b *Builder, v *graph.Value, k int, group int64) *graph.Value {
	if group == 1 {
		return b.Transpose(v, swapped(0, k)...)
	}
	tail := b.Op("Shape", graph.Attrs{"start": 1}, v)
	v = b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(group, -1), tail))
	v = b.Transpose(v, append([]int64{0}, swapped(1, k)...)...)
	tail = b.Op("Shape", graph.Attrs{"start": 2}, v)
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(-1), tail))
}

// swapped permutes axes at and at+1 of those from at on, k more following.
func swapped(at, k int) []int64 {
	perm := []int64{int64(at + 1), int64(at)}
	for i := range k {
		perm = append(perm, int64(at+2+i))
	}
	return perm
}

// spreadBy puts stride-1 zeros behind every element along the spatial axes.
func spreadBy(b *Builder, v *graph.Value, stride []int64) *graph.Value {
	var axes []int64
	pads := make([]int64, 2*(2+2*len(stride)))
	for i, s := range stride {
		axes = append(axes, int64(3+2*i))
		pads[len(pads)/2+3+2*i] = s - 1
	}
	shape := spatialSizes(b, v).combine(b, "Mul", sizes{known: stride})
	v = b.Op("Pad", nil, b.Op("Unsqueeze", nil, v, b.Ints(axes...)), b.Ints(pads...))
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, 0), shape.in(b)))
}

// weightGrad is the adjoint of a convolution of x in its weights.
func (s *sweep) weightGrad(b *Builder, x, dy *graph.Value, group int64) *graph.Value {
	if s.byTaps(b, dy, group) {
		return s.weightGradByTaps(b, x, dy, group)
	}
	// A convolution of x with dy whose batch and channels change places, and strides and dilations with them.
	x = foldGroups(b, s.cover(b, x), s.k, group)
	attrs := graph.Attrs{"strides": s.dilation, "dilations": s.stride, "group": group}
	return b.Transpose(b.Op("Conv", attrs, x, b.Transpose(dy, swapped(0, s.k)...)), swapped(0, s.k)...)
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

// maxTaps bounds the nodes that a gradient by taps takes.
const maxTaps = 125

// byTaps tells which form engines run faster: without strides, or for odd kernels, a product for each element of the
// kernel; for tiny outputs and even kernels with strides, one convolution.
func (s *sweep) byTaps(b *Builder, dy *graph.Value, group int64) bool {
	taps, ok := graph.NumElements(s.kernel)
	if s.kernel == nil || !ok || taps > maxTaps {
		return false
	}
	if group == 1 && spatialSizes(b, dy).all(func(d int64) bool { return d <= 4 }) {
		return false
	}
	plain := !slices.ContainsFunc(s.stride, func(x int64) bool { return x != 1 })
	return plain || group > 1 || !slices.ContainsFunc(s.kernel, func(x int64) bool { return x%2 == 0 })
}

// weightGradByTaps multiplies, for each element of the kernel, dy by what that element saw.
func (s *sweep) weightGradByTaps(b *Builder, x, dy *graph.Value, group int64) *graph.Value {
	x = s.cover(b, x)
	one := each(s.k, 1)
	spread := spatialSizes(b, dy).combine(b, "Sub", one).combine(b, "Mul", sizes{known: s.stride}).combine(b, "Add", one)
	rows := b.Ints(0, group, -1)
	axes := make([]int64, s.k)
	for i := range axes {
		axes[i] = int64(i + 2)
	}
	perGroup := func(v *graph.Value) *graph.Value { // (N, group, channels, positions)
		positions := spatialSizes(b, dy)
		if n, ok := graph.NumElements(positions.known); positions.known != nil && ok {
			return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, rows, b.Ints(n)))
		}
		n := b.Op("ReduceProd", graph.Attrs{"keepdims": 1}, positions.in(b))
		return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, rows, n))
	}
	d := perGroup(dy)
	var parts []*graph.Value
	at := make([]int64, s.k)
	taps, _ := graph.NumElements(s.kernel)
	for range taps {
		start := sizes{known: make([]int64, s.k)}
		for i := range at {
			start.known[i] = at[i] * s.dilation[i]
		}
		seen := b.Op("Slice", nil, x, start.in(b), start.combine(b, "Add", spread).in(b), b.Ints(axes...), b.Ints(s.stride...))
		parts = append(parts, b.Op("MatMul", nil, d, b.Transpose(perGroup(seen), 0, 1, 3, 2)))
		increment(at, s.kernel)
	}
	all := parts[0] // (N, group, M/group, taps·C/group)
	if len(parts) > 1 {
		all = b.Op("Concat", graph.Attrs{"axis": 3}, parts...)
	}
	sum := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, all, b.Ints(0))
	// (M, taps, C/group), then the taps last.
	channels := b.Op("Shape", graph.Attrs{"start": 1, "end": 2}, dy)
	byTap := b.Op("Reshape", nil, sum, b.Op("Concat", graph.Attrs{"axis": 0}, channels, b.Ints(taps, -1)))
	return b.Reshape(b.Transpose(byTap, 0, 2, 1), append([]int64{0, 0}, s.kernel...)...)
}

// sumOverImages sums over all axes but the channels'.
func sumOverImages(b *Builder, d *graph.Value, spatial int) *graph.Value {
	axes := []int64{0}
	for i := range spatial {
		axes = append(axes, int64(i+2))
	}
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, d, b.Ints(axes...))
}
