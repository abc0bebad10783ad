package ops

import "github.com/astronnx/astronnx/graph"

// Not is the logical negation.
// https://onnx.ai/onnx/operators/onnx__Not.html
var _ = define(Op{
	Name: "Not", Since: 1,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		if c.In[0].DType != graph.Bool {
			return nil, unsupported(c, c.In[0].DType)
		}
		y := c.Output(graph.Bool, c.In[0].Shape...)
		ys := graph.Data[bool](y)
		for i, x := range graph.Data[bool](c.In[0]) {
			ys[i] = !x
		}
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "its values are logical",
	Exact:  Bitwise,
	Cases: `
		both bool[2] 1 0  ->  bool[2] 0 1`,
})
