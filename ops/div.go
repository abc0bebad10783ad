package ops

import "github.com/astronnx/astronnx/graph"

// Div is a / b with broadcasting. Integers are divided towards zero; by zero they give 0, where the standard says nothing.
// https://onnx.ai/onnx/operators/onnx__Div.html
var _ = define(Op{
	Name: "Div", Since: 7,
	Infer: broadcastType,
	Eval: pairs{
		Float: func(a, b float64) float64 { return a / b },
		Int: func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			return a / b
		},
		Uint: func(a, b uint64) uint64 {
			if b == 0 {
				return 0
			}
			return a / b
		},
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		da := b.Op("Div", nil, dy[0], n.In[1])
		return []*graph.Value{da, b.Op("Neg", nil, b.Op("Mul", nil, da, n.Out[0]))}
	},
	Cases: `
		floats [2] 1 -3  [2] 2 4  ->  [2] 0.5 -0.75
		ints   i32[3] 7 -7 1  i32[3] 2 2 0  ->  i32[3] 3 -3 0`,
})
