package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Sqrt is the square root; of negative numbers NaN.
// https://onnx.ai/onnx/operators/onnx__Sqrt.html
var _ = define(Op{
	Name: "Sqrt", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Sqrt),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Div(dy[0], b.Add(n.Out[0], n.Out[0]))}
	},
	Cases: `
		points [2] 4 2  ->  [2] 2 1.4142135623730951`,
})
