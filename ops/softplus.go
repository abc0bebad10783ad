package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Softplus is log(1+exp(x)), written so that large x does not overflow.
// https://onnx.ai/onnx/operators/onnx__Softplus.html
var _ = define(Op{
	Name: "Softplus", Since: 1,
	Infer: sameAsFirst,
	Eval:  eachFloat(softplus),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], b.Op("Sigmoid", nil, n.In[0]))}
	},
	Cases: `
		centre [3] 0 1 -1  ->  [3] 0.6931471805599453 1.3132616875182228 0.31326168751822286
		far [2] 800 -800  ->  [2] 800 0`,
})

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
