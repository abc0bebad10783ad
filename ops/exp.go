package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Exp is e to the power x.
// https://onnx.ai/onnx/operators/onnx__Exp.html
var _ = define(Op{
	Name: "Exp", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Exp),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], n.Out[0])}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] 0.36787944117144233 1 2.718281828459045`,
})
