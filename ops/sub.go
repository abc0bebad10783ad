package ops

import "github.com/astronnx/astronnx/graph"

// Sub is a - b with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Sub.html
var _ = define(Op{
	Name: "Sub", Since: 7,
	Infer: broadcastType,
	Eval: pairs{
		Float: func(a, b float64) float64 { return a - b },
		Int:   func(a, b int64) int64 { return a - b },
		Uint:  func(a, b uint64) uint64 { return a - b },
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{dy[0], b.Op("Neg", nil, dy[0])}
	},
	Cases: `
		column [2 1] 1 2  [1 3] 10 20 30  ->  [2 3] -9 -19 -29 -8 -18 -28
		ints   i64[2] 5 -5  i64[2] 7 7  ->  i64[2] -2 -12`,
})
