package ops

import "github.com/astronnx/astronnx/graph"

// Mul is a · b with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Mul.html
var _ = define(Op{
	Name: "Mul", Since: 7,
	Infer: broadcastType,
	Eval: pairs{
		Float: func(a, b float64) float64 { return a * b },
		Int:   func(a, b int64) int64 { return a * b },
		Uint:  func(a, b uint64) uint64 { return a * b },
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Mul", nil, dy[0], n.In[1]), b.Op("Mul", nil, dy[0], n.In[0])}
	},
	Cases: `
		row  [2 2] 1 2 3 4  [2] 10 -1  ->  [2 2] 10 -2 30 -4
		ints i32[2] 3 -4  i32[] 5  ->  i32[2] 15 -20`,
})
