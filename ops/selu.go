package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Selu is gamma·x where x > 0, else gamma·alpha·(exp(x)-1) (Klambauer et al. 2017).
// https://onnx.ai/onnx/operators/onnx__Selu.html
var _ = define(Op{
	Name: "Selu", Since: 6,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha, gamma := seluParams(n)
		return func(x float64) float64 {
			if x > 0 {
				return gamma * x
			}
			return gamma * alpha * math.Expm1(x)
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		alpha, gamma := seluParams(n)
		low := b.Mul(dy[0], b.Add(n.Out[0], b.Like(dy[0], alpha*gamma)))
		high := b.Mul(dy[0], b.Like(dy[0], gamma))
		return []*graph.Value{b.Where(b.Op("Greater", nil, n.In[0], b.Like(n.In[0], 0)), high, low)}
	},
	Cases: `
		plain alpha=2.0 gamma=3.0  [3] -1 0.5 2  ->  [3] -3.792723352971346 1.5 6`,
})

func seluParams(n *graph.Node) (alpha, gamma float64) {
	return float64(n.Attrs.Float("alpha", 1.67326319217681884765625)), float64(n.Attrs.Float("gamma", 1.05070102214813232421875))
}
