package ops

import "github.com/astronnx/astronnx/graph"

// Flatten makes a matrix: the dimensions before axis by those from it on.
// https://onnx.ai/onnx/operators/onnx__Flatten.html
var _ = define(Op{
	Name: "Flatten", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		axis, err := flattenAxis(c.Node, t.Rank())
		if err != nil {
			return nil, err
		}
		t.Shape = []graph.Dim{product(t.Shape[:axis]), product(t.Shape[axis:])}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := flattenAxis(c.Node, len(x.Shape))
		if err != nil {
			return nil, err
		}
		rows, _ := graph.NumElements(x.Shape[:axis])
		cols, _ := graph.NumElements(x.Shape[axis:])
		return []*graph.Tensor{withShape(x, []int64{rows, cols})}, nil
	},
	Grad:  reshapeLikeInput,
	Exact: Bitwise,
	Cases: `
		middle axis=1  [2 1 2] 1 2 3 4  ->  [2 2] 1 2 3 4
		all    axis=0  [2 2] 1 2 3 4  ->  [1 4] 1 2 3 4`,
})

func flattenAxis(n *graph.Node, rank int) (int, error) {
	axis := n.Attrs.Int("axis", 1)
	if axis == int64(rank) {
		return rank, nil
	}
	return axisOf(axis, rank)
}

// product multiplies static dimensions; one that is not fixed makes the result unknown, unless it stands alone.
func product(dims []graph.Dim) graph.Dim {
	if len(dims) == 1 {
		return dims[0]
	}
	n := int64(1)
	for _, d := range dims {
		if !d.Known() {
			return graph.Sym("")
		}
		n *= d.Size
	}
	return graph.D(n)
}

// reshapeLikeInput is the gradient of operators that only change the shape of their first input.
func reshapeLikeInput(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	return []*graph.Value{b.Op("Reshape", graph.Attrs{"allowzero": 1}, dy[0], b.Op("Shape", nil, n.In[0])), nil}
}
