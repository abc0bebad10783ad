package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Tan is the tangent of an angle in radians.
// https://onnx.ai/onnx/operators/onnx__Tan.html
var _ = define(Op{
	Name: "Tan", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Tan),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		y := n.Out[0]
		return []*graph.Value{b.Mul(dy[0], b.Add(b.Like(y, 1), b.Mul(y, y)))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -1.5574077246549023 0 1.5574077246549023`,
})
