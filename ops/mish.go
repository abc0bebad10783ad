package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Mish is x·tanh(softplus(x)).
// https://onnx.ai/onnx/operators/onnx__Mish.html
var _ = define(Op{
	Name: "Mish", Since: 18,
	Infer: sameAsFirst,
	Eval:  eachFloat(func(x float64) float64 { return x * math.Tanh(softplus(x)) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		t := b.Op("Tanh", nil, b.Op("Softplus", nil, x))
		slope := b.Mul(b.Op("Sigmoid", nil, x), b.Sub(b.Like(x, 1), b.Mul(t, t)))
		return []*graph.Value{b.Mul(dy[0], b.Add(t, b.Mul(x, slope)))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.30340146137410895 0 0.8650983882673103`,
})
