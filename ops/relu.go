package ops

import "github.com/astronnx/astronnx/graph"

// Relu is max(x, 0); NaN stays NaN.
// https://onnx.ai/onnx/operators/onnx__Relu.html
var _ = define(Op{
	Name: "Relu", Since: 6,
	Infer: sameAsFirst,
	Eval: eachReal(func(x float64) float64 {
		if x < 0 {
			return 0
		}
		return x
	}, func(x int64) int64 { return max(x, 0) }),
	// The derivative at 0 is 0, as in PyTorch.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		zero := b.Like(dy[0], 0)
		return []*graph.Value{b.Where(b.Op("Greater", nil, n.In[0], zero), dy[0], zero)}
	},
	Cases: `
		signs [4] -1 2 -0.5 3  ->  [4] 0 2 0 3`,
})
