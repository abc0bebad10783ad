package ops

import "github.com/astronnx/astronnx/graph"

// ThresholdedRelu is x where x > alpha, else 0.
// https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html
var _ = define(Op{
	Name: "ThresholdedRelu", Since: 10,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha := float64(n.Attrs.Float("alpha", 1))
		return func(x float64) float64 {
			if x > alpha {
				return x
			}
			return 0
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		alpha := b.Like(n.In[0], float64(n.Attrs.Float("alpha", 1)))
		return []*graph.Value{b.Where(b.Op("Greater", nil, n.In[0], alpha), dy[0], b.Like(dy[0], 0))}
	},
	Cases: `
		step alpha=1.5  [3] 1 1.25 2  ->  [3] 0 0 2
		edge !kink alpha=1.5  [1] 1.5  ->  [1] 0`,
})
