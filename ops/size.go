package ops

import "github.com/astronnx/astronnx/graph"

// Size is the number of elements of its input.
// https://onnx.ai/onnx/operators/onnx__Size.html
var _ = define(Op{
	Name: "Size", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		return []*graph.Type{graph.TensorType(graph.Int64)}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		return []*graph.Tensor{graph.Scalar(c.In[0].Len())}, nil
	},
	NoGrad: "it does not depend on the elements",
	Exact:  Bitwise,
	Cases: `
		plain [2 3] 1 2 3 4 5 6  ->  i64[] 6`,
})
