package ops

import "github.com/astronnx/astronnx/graph"

// HardSigmoid is alpha·x + beta, limited to [0, 1].
// https://onnx.ai/onnx/operators/onnx__HardSigmoid.html
var _ = define(Op{
	Name: "HardSigmoid", Since: 6,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		alpha, beta := float64(n.Attrs.Float("alpha", 0.2)), float64(n.Attrs.Float("beta", 0.5))
		return func(x float64) float64 { return max(0, min(1, alpha*x+beta)) }
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		// Outside the slope and on its ends the derivative is 0, as in PyTorch.
		y := n.Out[0]
		inside := b.Op("And", nil, b.Op("Greater", nil, y, b.Like(y, 0)), b.Op("Less", nil, y, b.Like(y, 1)))
		alpha := b.Like(dy[0], float64(n.Attrs.Float("alpha", 0.2)))
		return []*graph.Value{b.Where(inside, b.Mul(dy[0], alpha), b.Like(dy[0], 0))}
	},
	Cases: `
		limits alpha=0.5 beta=0.25  [4] -1 0 1 2  ->  [4] 0 0.25 0.75 1`,
})
