package ops

import "github.com/astronnx/astronnx/graph"

// GatherElements reads, for each index, the element at that position along axis, its own position giving the other coordinates.
// https://onnx.ai/onnx/operators/onnx__GatherElements.html
var _ = define(Op{
	Name: "GatherElements", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil {
			t.Shape = nil
			if index := c.Type(1); index != nil {
				t.Shape = index.Clone().Shape
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		at, err := elementPositions(c.Node, c.In[0], c.In[1])
		if err != nil {
			return nil, err
		}
		y := c.Output(c.In[0].DType, c.In[1].Shape...)
		for k, p := range at {
			copyElements(y, k, c.In[0], p, 1)
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, n.In[0]))
		attrs := graph.Attrs{"axis": n.Attrs.Int("axis", 0), "reduction": "add"}
		return []*graph.Value{b.Op("ScatterElements", attrs, zeros, n.In[1], dy[0]), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rows    axis=1  [2 2] 1 2 3 4  i64[2 2] 0 0 1 0  ->  [2 2] 1 1 4 3
		columns axis=0  [2 2] 1 2 3 4  i64[1 2] -1 0  ->  [1 2] 3 2`,
})
