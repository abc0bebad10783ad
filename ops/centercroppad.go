package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// CenterCropPad crops or pads with zeros about the centre to the wanted size of each axis.
// https://onnx.ai/onnx/operators/onnx__CenterCropPad.html
var _ = define(Op{
	Name: "CenterCropPad", Since: 18,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		axes := c.Node.Attrs.Ints("axes", nil)
		want := c.Constant(1)
		for k := range t.Shape {
			if axes == nil {
				t.Shape[k] = graph.Sym("")
			}
		}
		for i, a := range axes {
			axis, err := axisOf(a, t.Rank())
			if err != nil {
				return nil, err
			}
			t.Shape[axis] = graph.Sym("")
			if want != nil && int64(i) < want.Len() {
				sizes, err := int64s(want)
				if err != nil {
					return nil, err
				}
				t.Shape[axis] = graph.D(sizes[i])
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		want, err := int64s(c.In[1])
		if err != nil {
			return nil, err
		}
		axes := c.Node.Attrs.Ints("axes", nil)
		if axes == nil {
			for k := range x.Shape {
				axes = append(axes, int64(k))
			}
		}
		if len(axes) != len(want) {
			return nil, fmt.Errorf("%d sizes for %d axes", len(want), len(axes))
		}
		shape := append([]int64{}, x.Shape...)
		before := make([]int64, len(shape))
		for i, a := range axes {
			axis, err := axisOf(a, len(shape))
			if err != nil {
				return nil, err
			}
			shape[axis] = want[i]
			// An odd rest goes to the end when padding and comes off the end when cropping.
			if d := want[i] - x.Shape[axis]; d >= 0 {
				before[axis] = d / 2
			} else {
				before[axis] = -(-d / 2)
			}
		}
		y, err := outputOf(c, x.DType, shape)
		if err != nil {
			return nil, err
		}
		strides, at := Strides(x.Shape), make([]int64, len(shape))
		n, _ := graph.NumElements(shape)
		for p := range int(n) {
			source, inside := 0, true
			for k, i := range at {
				i -= before[k]
				inside = inside && i >= 0 && i < x.Shape[k]
				source += int(i) * strides[k]
			}
			if inside {
				copyElements(y, p, x, source, 1)
			}
			for k := len(at) - 1; k >= 0; k-- {
				if at[k]++; at[k] < shape[k] {
					break
				}
				at[k] = 0
			}
		}
		return []*graph.Tensor{y}, nil
	},
	// Cropping and padding undo each other about the same centre.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		shape := b.Op("Shape", nil, x)
		attrs := graph.Attrs{}
		if axes := n.Attrs.Ints("axes", nil); axes != nil {
			attrs["axes"] = axes
			shape = b.Op("Gather", nil, shape, b.Ints(axes...))
		}
		return []*graph.Value{b.Op("CenterCropPad", attrs, dy[0], shape), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		crop [5] 1 2 3 4 5  i64[1] 2  ->  [2] 2 3
		pad  [2] 1 2  i64[1] 5  ->  [5] 0 1 2 0 0`,
})
