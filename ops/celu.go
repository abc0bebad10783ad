package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Celu is max(0, x) + min(0, alpha·(exp(x/alpha)-1)).
// https://onnx.ai/onnx/operators/onnx__Celu.html
var _ = define(Op{
	Name: "Celu", Since: 12,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha := float64(n.Attrs.Float("alpha", 1))
		return func(x float64) float64 { return max(0, x) + min(0, alpha*math.Expm1(x/alpha)) }
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		alpha := b.Like(x, float64(n.Attrs.Float("alpha", 1)))
		low := b.Mul(dy[0], b.Op("Exp", nil, b.Div(x, alpha)))
		return []*graph.Value{b.Where(b.Op("Greater", nil, x, b.Like(x, 0)), dy[0], low)}
	},
	Cases: `
		slope alpha=2.0  [3] -1 0 2  ->  [3] -0.7869386805747332 0 2`,
})
