package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Split cuts a tensor along an axis: at given sizes, or into equal parts of which the last may be smaller. Before opset 13 the sizes
// are an attribute.
// https://onnx.ai/onnx/operators/onnx__Split.html
var _ = define(Op{
	Name: "Split", Since: 2,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		out := make([]*graph.Type, len(c.Node.Out))
		t := c.Type(0)
		for i := range out {
			out[i] = t.Clone()
		}
		if t.Rank() < 0 {
			return out, nil
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
		if err != nil {
			return nil, err
		}
		var sizes []int64
		if s := c.Constant(1); s != nil || !c.Has(1) && t.Shape[axis].Known() {
			if sizes, err = splitSizes(c.Node, s, t.Shape[axis].Size); err != nil {
				return nil, err
			}
		}
		for i := range out {
			out[i].Shape[axis] = graph.Sym("")
			if sizes != nil {
				out[i].Shape[axis] = graph.D(sizes[i])
			}
		}
		return out, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, err
		}
		sizes, err := splitSizes(c.Node, c.Input(1), x.Shape[axis])
		if err != nil {
			return nil, err
		}
		return cut(c, x, axis, sizes), nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		parts := make([]*graph.Value, len(n.Out))
		for i, d := range dy {
			if parts[i] = d; d == nil {
				parts[i] = b.Op("Expand", nil, b.Like(n.In[0], 0), b.Op("Shape", nil, n.Out[i]))
			}
		}
		return []*graph.Value{b.Op("Concat", graph.Attrs{"axis": n.Attrs.Int("axis", 0)}, parts...), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		equal  num_outputs=2  [4] 1 2 3 4  ->  [2] 1 2  [2] 3 4
		uneven num_outputs=2  [3] 1 2 3  ->  [2] 1 2  [1] 3
		sizes  axis=1  [2 3] 1 2 3 4 5 6  i64[2] 1 2  ->  [2 1] 1 4  [2 2] 2 3 5 6`,
})

// splitSizes returns the sizes along the axis of the given length (-1: unknown, then they are not checked against it).
func splitSizes(n *graph.Node, given *graph.Tensor, length int64) ([]int64, error) {
	parts := int64(len(n.Out))
	sizes := n.Attrs.Ints("split", nil)
	if given != nil {
		var err error
		if sizes, err = int64s(given); err != nil {
			return nil, err
		}
	}
	if sizes == nil {
		parts = n.Attrs.Int("num_outputs", parts)
		if parts < int64(len(n.Out)) || parts < 1 {
			return nil, fmt.Errorf("num_outputs is %d for %d outputs", parts, len(n.Out))
		}
		size := (length + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, max(0, min(size, length-i*size)))
		}
		return sizes, nil
	}
	if int64(len(sizes)) < parts {
		return nil, fmt.Errorf("%d sizes for %d outputs", len(sizes), parts)
	}
	total := int64(0)
	for _, s := range sizes {
		if s < 0 {
			return nil, fmt.Errorf("sizes %v, want none negative", sizes)
		}
		total += s
	}
	if length >= 0 && total != length {
		return nil, fmt.Errorf("sizes %v of an axis of length %d", sizes, length)
	}
	return sizes, nil
}

func cut(c *Call, x *graph.Tensor, axis int, sizes []int64) []*graph.Tensor {
	inner, _ := graph.NumElements(x.Shape[axis+1:])
	outer, _ := graph.NumElements(x.Shape[:axis])
	row, from := int(x.Shape[axis]*inner), 0
	out := make([]*graph.Tensor, len(sizes))
	for i, s := range sizes {
		shape := append([]int64{}, x.Shape...)
		shape[axis] = s
		y := c.Output(x.DType, shape...)
		n := int(s * inner)
		for o := range int(outer) {
			copyElements(y, o*n, x, o*row+from, n)
		}
		from += n
		out[i] = y
	}
	return out
}
