package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Tanh is the hyperbolic tangent.
// https://onnx.ai/onnx/operators/onnx__Tanh.html
var _ = define(Op{
	Name: "Tanh", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Tanh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		y := n.Out[0]
		return []*graph.Value{b.Mul(dy[0], b.Sub(b.Like(y, 1), b.Mul(y, y)))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.7615941559557649 0 0.7615941559557649`,
})
