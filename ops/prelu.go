package ops

import "github.com/astronnx/astronnx/graph"

// PRelu is x where x ≥ 0, else slope·x; slope broadcasts to x.
// https://onnx.ai/onnx/operators/onnx__PRelu.html
var _ = define(Op{
	Name: "PRelu", Since: 7,
	Infer: sameAsFirst,
	Eval: pairs{
		Float: func(x, slope float64) float64 {
			if x < 0 {
				return slope * x
			}
			return x
		},
		Int: func(x, slope int64) int64 {
			if x < 0 {
				return slope * x
			}
			return x
		},
		Uint: func(x, _ uint64) uint64 { return x },
	}.eval(),
	// The derivative at 0 is slope, as in PyTorch.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, slope := n.In[0], n.In[1]
		zero := b.Like(dy[0], 0)
		positive := b.Op("Greater", nil, x, b.Like(x, 0))
		return []*graph.Value{b.Where(positive, dy[0], b.Mul(dy[0], slope)), b.Where(positive, zero, b.Mul(dy[0], x))}
	},
	Cases: `
		rows [2 2] -1 2 -3 4  [2 1] 0.5 0.1  ->  [2 2] -0.5 2 -0.3 4`,
})
