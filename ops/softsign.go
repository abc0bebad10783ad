package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Softsign is x/(1+|x|).
// https://onnx.ai/onnx/operators/onnx__Softsign.html
var _ = define(Op{
	Name: "Softsign", Since: 1,
	Infer: sameAsFirst,
	Eval:  eachFloat(func(x float64) float64 { return x / (1 + math.Abs(x)) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		d := b.Add(b.Like(x, 1), b.Op("Abs", nil, x))
		return []*graph.Value{b.Div(dy[0], b.Mul(d, d))}
	},
	Cases: `
		points [3] -1 1 3  ->  [3] -0.5 0.5 0.75
		zero !kink [1] 0  ->  [1] 0`,
})
