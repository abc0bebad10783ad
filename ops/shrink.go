package ops

import "github.com/astronnx/astronnx/graph"

// Shrink is x+bias below -lambd, x-bias above lambd, else 0.
// https://onnx.ai/onnx/operators/onnx__Shrink.html
var _ = define(Op{
	Name: "Shrink", Since: 9,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		lambd, bias := float64(n.Attrs.Float("lambd", 0.5)), float64(n.Attrs.Float("bias", 0))
		return func(x float64) float64 {
			switch {
			case x < -lambd:
				return x + bias
			case x > lambd:
				return x - bias
			}
			return 0
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		lambd := b.Like(n.In[0], float64(n.Attrs.Float("lambd", 0.5)))
		outside := b.Op("Greater", nil, b.Op("Abs", nil, n.In[0]), lambd)
		return []*graph.Value{b.Where(outside, dy[0], b.Like(dy[0], 0))}
	},
	Cases: `
		soft lambd=1.5 bias=1.5  [5] -2 -1 0 1 2  ->  [5] -0.5 0 0 0 0.5`,
})
