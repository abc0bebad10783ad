package ops

import "github.com/astronnx/astronnx/graph"

// HardSwish is x·max(0, min(1, x/6 + 1/2)).
// https://onnx.ai/onnx/operators/onnx__HardSwish.html
var _ = define(Op{
	Name: "HardSwish", Since: 14,
	Infer: sameAsFirst,
	Eval:  eachFloat(func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		three := b.Like(x, 3)
		middle := b.Mul(dy[0], b.Add(b.Div(x, three), b.Like(x, 0.5)))
		low := b.Where(b.Op("Less", nil, x, b.Op("Neg", nil, three)), b.Like(dy[0], 0), middle)
		return []*graph.Value{b.Where(b.Op("Greater", nil, x, three), dy[0], low)}
	},
	Cases: `
		parts [4] -4 -1 0 4  ->  [4] 0 -0.3333333333333333 0 4`,
})
