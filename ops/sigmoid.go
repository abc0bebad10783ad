package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Sigmoid is 1/(1+exp(-x)), written so that no exponential overflows.
// https://onnx.ai/onnx/operators/onnx__Sigmoid.html
var _ = define(Op{
	Name: "Sigmoid", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(sigmoid),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		y := n.Out[0]
		return []*graph.Value{b.Mul(dy[0], b.Mul(y, b.Sub(b.Like(y, 1), y)))}
	},
	Cases: `
		points [3] -1 0 800  ->  [3] 0.2689414213699951 0.5 1`,
})

func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}
