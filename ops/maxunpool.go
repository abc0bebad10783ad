package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// MaxUnpool puts the elements of the first input back where MaxPool took them from, by its second output; the rest is
// zero. A larger output shape adds zeros at the end of the axes.
// https://onnx.ai/onnx/operators/onnx__MaxUnpool.html
var _ = define(Op{
	Name: "MaxUnpool", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		sizes := t.Sizes()
		if c.Has(2) {
			want := c.Constant(2)
			if want == nil {
				return []*graph.Type{anySizes(t, 2)}, nil
			}
			var err error
			if sizes, err = int64s(want); err != nil || len(sizes) != t.Rank() {
				return nil, fmt.Errorf("output_shape is %s for an input %s", want, t)
			}
			for i, d := range sizes {
				t.Shape[i] = graph.D(d)
			}
			return []*graph.Type{t}, nil
		}
		if len(sizes) < 3 {
			return nil, fmt.Errorf("input is %s, want (N, C, D1, ...)", t)
		}
		known := !slices.Contains(sizes[2:], -1)
		t = anySizes(t, 2)
		if known {
			size, err := unpooledSizes(c.Node, sizes)
			if err != nil {
				return nil, err
			}
			for i, d := range size[2:] {
				t.Shape[i+2] = graph.D(d)
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, index := c.In[0], c.In[1]
		if index.DType != graph.Int64 || !slices.Equal(index.Shape, x.Shape) {
			return nil, fmt.Errorf("indices are %s for an input %s", index, x)
		}
		inner, err := unpooledSizes(c.Node, x.Shape)
		if err != nil {
			return nil, err
		}
		outer := inner
		if want := c.Input(2); want != nil {
			if outer, err = int64s(want); err != nil {
				return nil, err
			}
			if len(outer) != len(inner) {
				return nil, fmt.Errorf("output_shape is %v for an input %s", outer, x)
			}
			for i, d := range outer {
				if d < inner[i] {
					return nil, fmt.Errorf("output_shape is %v, want at least %v", outer, inner)
				}
			}
		}
		y, err := outputOf(c, x.DType, outer)
		if err != nil {
			return nil, err
		}
		total, _ := graph.NumElements(inner)
		from, to := Strides(inner), Strides(outer)
		for k, i := range graph.Data[int64](index) {
			if i < 0 || i >= total {
				return nil, fmt.Errorf("index %d outside a tensor of shape %v", i, inner)
			}
			at, rest := 0, int(i)
			for axis, s := range from {
				at += rest / s * to[axis]
				rest %= s
			}
			copyElements(y, at, x, k, 1)
		}
		return []*graph.Tensor{y}, nil
	},
	// An element that another overwrote has the gradient as well, as in PyTorch.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		d := dy[0]
		if n.Input(2) != nil {
			d = cropToUnpooled(b, n, d)
		}
		return []*graph.Value{b.Op("Gather", nil, b.Reshape(d, -1), n.In[1]), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		pairs  kernel_shape=[2] strides=[2]  [1 1 2] 5 6  i64[1 1 2] 1 2  ->  [1 1 4] 0 5 6 0
		larger kernel_shape=[1,2] strides=[1,2]  [1 1 2 1] 5 6  i64[1 1 2 1] 1 2  i64[4] 1 1 2 3  ->  [1 1 2 3] 0 5 0 6 0 0
		beyond kernel_shape=[2] strides=[2]  [1 1 1] 5  i64[1 1 1] 2  ->  error "outside"`,
})

// anySizes forgets the sizes of t's axes from one on.
func anySizes(t *graph.Type, from int) *graph.Type {
	for i := from; i < len(t.Shape); i++ {
		t.Shape[i] = graph.Sym("")
	}
	return t
}

// unpooledSizes returns the shape of the pool's input that its attributes tell.
func unpooledSizes(n *graph.Node, shape []int64) ([]int64, error) {
	win, err := windowOf(n.Attrs, nil)
	if err != nil {
		return nil, err
	}
	if len(shape) != len(win.kernel)+2 {
		return nil, fmt.Errorf("an input of shape %v for a kernel %v", shape, win.kernel)
	}
	out := slices.Clone(shape)
	for i, k := range win.kernel {
		out[i+2] = (shape[i+2]-1)*win.stride[i] - win.before[i] - win.after[i] + k
	}
	if total, ok := graph.NumElements(out[2:]); !ok || total > maxBytes {
		return nil, fmt.Errorf("unpooling shape %v by strides %v and pads %v and %v", shape, win.stride, win.before, win.after)
	}
	return out, nil
}

// cropToUnpooled cuts what a larger output shape added.
func cropToUnpooled(b *Builder, n *graph.Node, d *graph.Value) *graph.Value {
	k := len(n.Attrs.Ints("kernel_shape", nil))
	win := windowAttrs(n, k)
	grown := spatialSizes(b, n.In[0]).combine(b, "Sub", each(k, 1)).combine(b, "Mul", sizes{known: win.stride})
	grown = grown.combine(b, "Add", sizes{known: n.Attrs.Ints("kernel_shape", nil)})
	ends := grown.combine(b, "Sub", sizes{known: win.before}).combine(b, "Sub", sizes{known: win.after})
	axes := make([]int64, k)
	for i := range axes {
		axes[i] = int64(i + 2)
	}
	return b.Op("Slice", nil, d, b.Ints(each(k, 0).known...), ends.in(b), b.Ints(axes...))
}
