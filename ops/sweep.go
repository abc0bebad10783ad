package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// sweep is a window over an image as the gradients of convolutions and pools write it. No size needs to be known: what
// is not is computed by the graph.
type sweep struct {
	*window
	k         int   // spatial axes
	group     int64 // of channels
	image     sizes
	positions sizes // of the window
	extent    sizes // that a window spans
	full      sizes // that all windows together span
	before    sizes // of them that lie ahead of the image
	after     sizes // of them that lie behind it; negative where the image goes on

	in, out int64 // channels of the image and at the positions; -1 where not known
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
	s := &sweep{window: win, k: k, group: n.Attrs.Int("group", 1), image: image, positions: positions, in: -1, out: -1}
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

// forward is the convolution of x by the sweep, with a bias unless it is nil.
func (s *sweep) forward(b *Builder, t Target, x, w, bias *graph.Value) *graph.Value {
	return s.forwardForm(t, x, w).write(s, b, x, w, bias)
}

func (s *sweep) forwardForm(t Target, x, w *graph.Value) *form {
	s.in, s.out = dimOf(x, 1), dimOf(w, 0)
	return choose(forwardRules, s, t)
}

// inputGrad is the adjoint of the convolution with w in its input.
func (s *sweep) inputGrad(b *Builder, t Target, dy, w *graph.Value) *graph.Value {
	s.out = dimOf(dy, 1)
	if s.in = dimOf(w, 1); s.in > 0 {
		s.in *= s.group
	}
	return choose(inputRules, s, t).write(s, b, dy, w)
}

// weightGrad is the adjoint of the convolution of x in its weights.
func (s *sweep) weightGrad(b *Builder, t Target, x, dy *graph.Value) *graph.Value {
	s.in, s.out = dimOf(x, 1), dimOf(dy, 1)
	return choose(weightRules, s, t).write(s, b, x, dy)
}

// strided reports whether the window moves by more than one element along any axis.
func (s *sweep) strided() bool { return !all(s.stride, 1) }

// fixed reports whether all sizes but the batch's are known.
func (s *sweep) fixed() bool {
	return s.kernel != nil && s.image.known != nil && s.positions.known != nil && s.in > 0 && s.out > 0
}

// plain reports whether the window has neither groups of channels nor gaps.
func (s *sweep) plain() bool { return s.group == 1 && all(s.dilation, 1) }

// whole reports whether pads that are not negative describe the sweep: no window more would fit behind the last one.
func (s *sweep) whole() bool {
	for i, p := range s.after.known {
		if s.before.known[i] < 0 || p <= -s.stride[i] {
			return false
		}
	}
	return s.after.known != nil && s.before.known != nil
}

// attrs are the window's attributes, for a node whose result is as large as the pads say.
func (s *sweep) attrs() graph.Attrs {
	a := graph.Attrs{"strides": s.stride, "pads": slices.Concat(s.before.known, atLeast(0, s.after.known))}
	if !all(s.dilation, 1) {
		a["dilations"] = s.dilation
	}
	if s.group != 1 {
		a["group"] = s.group
	}
	return a
}

// cover pads or crops x to what the windows span.
func (s *sweep) cover(b *Builder, x *graph.Value) *graph.Value {
	return padSpatial(b, x, s.before, s.after)
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

// sumOverImages sums over all axes but the channels': over those that lie side by side first, which engines run faster.
func sumOverImages(b *Builder, d *graph.Value, spatial int) *graph.Value {
	d = b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, d, b.Ints(spatialAxes(spatial)...))
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, d, b.Ints(0))
}
