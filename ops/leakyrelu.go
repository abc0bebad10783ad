package ops

import "github.com/astronnx/astronnx/graph"

// LeakyRelu is x where x ≥ 0, else alpha·x.
// https://onnx.ai/onnx/operators/onnx__LeakyRelu.html
var _ = define(Op{
	Name: "LeakyRelu", Since: 6,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha := float64(n.Attrs.Float("alpha", 0.01))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		// The derivative at 0 is alpha, as in PyTorch.
		alpha := b.Like(dy[0], float64(n.Attrs.Float("alpha", 0.01)))
		return []*graph.Value{b.Where(b.Op("Greater", nil, n.In[0], b.Like(n.In[0], 0)), dy[0], b.Mul(dy[0], alpha))}
	},
	Cases: `
		slope alpha=0.5  [3] -1 0.5 2  ->  [3] -0.5 0.5 2`,
})
