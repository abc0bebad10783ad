package ops

import "github.com/astronnx/astronnx/graph"

// Neg is -x.
// https://onnx.ai/onnx/operators/onnx__Neg.html
var _ = define(Op{
	Name: "Neg", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachReal(func(x float64) float64 { return -x }, func(x int64) int64 { return -x }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Neg", nil, dy[0])}
	},
	Cases: `
		floats [3] 1 -2 0.5  ->  [3] -1 2 -0.5
		ints   i64[2] 3 -4  ->  i64[2] -3 4`,
})
