package ops

import "github.com/astronnx/astronnx/graph"

// CastLike converts the first input to the element type of the second.
// https://onnx.ai/onnx/operators/onnx__CastLike.html
var _ = define(Op{
	Name: "CastLike", Since: 15,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t == nil || c.Type(1) == nil {
			return nil, nil
		}
		t.DType = c.Type(1).DType
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		y, err := castTo(c.In[0], c.In[1].DType, rounding(c.Node))
		return []*graph.Tensor{y}, err
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if n.In[0].Type != nil && !n.In[0].Type.DType.IsFloat() {
			return []*graph.Value{nil, nil}
		}
		return []*graph.Value{b.Op("CastLike", nil, dy[0], n.In[0]), nil}
	},
	Cases: `
		wide     [2] 1.5 -2  f64[1] 5  ->  f64[2] 1.5 -2
		truncate [3] 1.9 -1.9 0  i64[1] 5  ->  i64[3] 1 -1 0`,
})
