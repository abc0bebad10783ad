package ops

import "github.com/astronnx/astronnx/graph"

// Sum is the elementwise sum of its inputs with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Sum.html
var _ = define(Op{
	Name: "Sum", Since: 6,
	Infer: broadcastType,
	Eval:  pairs{Float: func(a, b float64) float64 { return a + b }}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		dx := make([]*graph.Value, len(n.In))
		for i := range dx {
			dx[i] = dy[0]
		}
		return dx
	},
	Cases: `
		three [2] 1 2  [2] 3 4  [] 10  ->  [2] 14 16
		one   [2] 1 2  ->  [2] 1 2`,
})
