package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// The forms of a convolution, each of (X, W, bias or nil).
var (
	forwardConv = &form{"Conv", nil, func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value {
		x, attrs := in[0], graph.Attrs{"strides": s.stride, "dilations": s.dilation, "group": s.group}
		if s.whole() {
			attrs["pads"] = slices.Concat(s.before.known, atLeast(0, s.after.known))
		} else {
			x = s.cover(b, x)
		}
		return b.Op("Conv", attrs, append([]*graph.Value{x}, in[1:]...)...)
	}}
	// Depth folded into the batch: two dimensions are what engines are made for.
	forwardFolded = &form{"depth-folded Conv", func(s *sweep, _ Target) bool {
		return s.k == 3 && s.group == 1 && s.fixed() && s.before.known != nil
	}, func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value {
		f := foldedConv{in: s.in, out: s.out, kernel: s.kernel, stride: s.stride, dilation: s.dilation, image: s.image.known,
			positions: s.positions.known, before: s.before.known, after: s.after.known}
		y := f.write(b, in[0], in[1])
		if bias := in[2]; bias != nil {
			y = b.Add(y, b.Reshape(bias, 1, -1, 1, 1, 1))
		}
		return y
	}}
	forwardKernel = &form{"Conv kernel", hasKernel, func(s *sweep, b *Builder, in ...*graph.Value) *graph.Value {
		return b.Fused(1, "Conv", s.attrs(), in...)[0]
	}}
)

// convSweep describes a convolution n, nil where not all sizes but the batch's are known.
func convSweep(b *Builder, n *graph.Node) *sweep {
	x, w := n.In[0].Type.Sizes(), n.In[1].Type.Sizes()
	if len(x) < 3 || len(w) != len(x) || slices.Contains(x[1:], -1) || slices.Contains(w, -1) {
		return nil
	}
	win, err := windowOf(n.Attrs, w[2:])
	if err != nil {
		return nil
	}
	positions, err := win.fitAll(x[2:])
	if err != nil {
		return nil
	}
	return sweepOf(b, n, n.In[1], sizes{known: x[2:]}, sizes{known: positions})
}

// foldedConv is a convolution in three dimensions written in two: every plane of every image is convolved with all planes of the
// kernel, and the results are added where they meet. The sizes are those of a [sweep].
type foldedConv struct {
	in, out                  int64
	kernel, stride, dilation []int64
	image, positions         []int64
	before, after            []int64
}

func (f *foldedConv) write(b *Builder, x, w *graph.Value) *graph.Value {
	x = b.Reshape(b.Transpose(x, 0, 2, 1, 3, 4), -1, f.in, f.image[1], f.image[2])
	w = b.Reshape(b.Transpose(w, 2, 0, 1, 3, 4), f.kernel[0]*f.out, f.in, f.kernel[1], f.kernel[2])
	attrs := graph.Attrs{"strides": f.stride[1:], "dilations": f.dilation[1:]}
	planes := convPadded(b, attrs, x, w, sizes{known: f.before[1:]}, sizes{known: f.after[1:]})
	planes = b.Reshape(planes, -1, f.image[0], f.kernel[0], f.out, f.positions[1]*f.positions[2])
	if f.before[0] != 0 || f.after[0] != 0 {
		planes = b.Op("Pad", nil, planes, b.Ints(0, f.before[0], 0, 0, 0, 0, f.after[0], 0, 0, 0))
	}
	var sum *graph.Value
	for a := range f.kernel[0] {
		from := a * f.dilation[0]
		to := from + (f.positions[0]-1)*f.stride[0] + 1
		part := b.Op("Slice", nil, planes, b.Ints(from, a), b.Ints(to, a+1), b.Ints(1, 2), b.Ints(f.stride[0], 1))
		if sum == nil {
			sum = part
		} else {
			sum = b.Add(sum, part)
		}
	}
	sum = b.Transpose(b.Op("Squeeze", nil, sum, b.Ints(2)), 0, 2, 1, 3)
	return b.Reshape(sum, slices.Concat([]int64{0, f.out}, f.positions)...)
}
