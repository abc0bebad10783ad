package ops

import "github.com/astronnx/astronnx/graph"

// Swish is x·sigmoid(alpha·x).
// https://onnx.ai/onnx/operators/onnx__Swish.html
var _ = define(Op{
	Name: "Swish", Since: 24,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha := float64(n.Attrs.Float("alpha", 1))
		return func(x float64) float64 { return x * sigmoid(alpha*x) }
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		alpha := b.Like(x, float64(n.Attrs.Float("alpha", 1)))
		s := b.Op("Sigmoid", nil, b.Mul(alpha, x))
		slope := b.Mul(alpha, b.Mul(n.Out[0], b.Sub(b.Like(x, 1), s)))
		return []*graph.Value{b.Mul(dy[0], b.Add(s, slope))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.2689414213699951 0 0.7310585786300049`,
})
