package ops

import "github.com/astronnx/astronnx/graph"

// Add is a + b with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Add.html
var _ = define(Op{
	Name: "Add", Since: 7,
	Infer: broadcastType,
	Eval: pairs{
		Float: func(a, b float64) float64 { return a + b },
		Int:   func(a, b int64) int64 { return a + b },
		Uint:  func(a, b uint64) uint64 { return a + b },
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{dy[0], dy[0]}
	},
	Cases: `
		row    [2 3] 1 2 3 4 5 6  [3] 10 20 30  ->  [2 3] 11 22 33 14 25 36
		scalar [2] 1 2  [] 5  ->  [2] 6 7
		wrap   u8[2] 250 1  u8[1] 10  ->  u8[2] 4 11`,
})
