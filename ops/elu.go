package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Elu is x where x ≥ 0, else alpha·(exp(x)-1).
// https://onnx.ai/onnx/operators/onnx__Elu.html
var _ = define(Op{
	Name: "Elu", Since: 6,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha := float64(n.Attrs.Float("alpha", 1))
		return func(x float64) float64 {
			if x < 0 {
				return alpha * math.Expm1(x)
			}
			return x
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		alpha := b.Like(dy[0], float64(n.Attrs.Float("alpha", 1)))
		low := b.Mul(dy[0], b.Add(n.Out[0], alpha))
		return []*graph.Value{b.Where(b.Op("Greater", nil, n.In[0], b.Like(n.In[0], 0)), dy[0], low)}
	},
	Cases: `
		slope alpha=2.0  [3] -1 0.5 2  ->  [3] -1.2642411176571153 0.5 2
		zero !kink alpha=2.0  [1] 0  ->  [1] 0`,
})
