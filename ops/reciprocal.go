package ops

import "github.com/astronnx/astronnx/graph"

// Reciprocal is 1/x.
// https://onnx.ai/onnx/operators/onnx__Reciprocal.html
var _ = define(Op{
	Name: "Reciprocal", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(func(x float64) float64 { return 1 / x }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		y := n.Out[0]
		return []*graph.Value{b.Op("Neg", nil, b.Mul(dy[0], b.Mul(y, y)))}
	},
	Cases: `
		points [2] 2 -4  ->  [2] 0.5 -0.25`,
})
