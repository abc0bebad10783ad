package ops

import "github.com/astronnx/astronnx/graph"

// Expand broadcasts its input with a shape, in both directions.
// https://onnx.ai/onnx/operators/onnx__Expand.html
var _ = define(Op{
	Name: "Expand", Since: 8,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		want := c.vector(1)
		if t.Rank() < 0 || want == nil {
			return []*graph.Type{withoutShape(t)}, nil
		}
		var err error
		t.Shape, err = broadcastDims(t.Shape, dimsOf(want))
		return []*graph.Type{t}, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		dims, err := int64s(c.In[1])
		if err != nil {
			return nil, err
		}
		shape, err := BroadcastShape(c.In[0].Shape, dims)
		if err != nil {
			return nil, err
		}
		y, err := outputOf(c, c.In[0].DType, shape)
		if err != nil {
			return nil, err
		}
		gatherStrided(y, c.In[0], broadcastStrides(c.In[0].Shape, shape), 0)
		return []*graph.Tensor{y}, nil
	},
	// The walk undoes the broadcasting.
	Grad:  func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value { return []*graph.Value{dy[0], nil} },
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rows [3 1] 1 2 3  i64[2] 1 2  ->  [3 2] 1 1 2 2 3 3
		more [2] 1 2  i64[3] 2 1 1  ->  [2 1 2] 1 2 1 2`,
})
