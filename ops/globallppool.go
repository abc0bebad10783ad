package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// GlobalLpPool is the p-norm over all axes but the first two.
// https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html
var _ = define(Op{
	Name: "GlobalLpPool", Since: 2,
	Infer: inferGlobalPool,
	Eval: globalPool(func(n *graph.Node) fold {
		p := float64(n.Attrs.Int("p", 2))
		return fold{
			Float:  func(acc, x float64) float64 { return acc + math.Pow(math.Abs(x), p) },
			Finish: func(acc float64, _ int) float64 { return math.Pow(acc, 1/p) },
		}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		p := float64(n.Attrs.Int("p", 2))
		return []*graph.Value{b.Mul(powerSlope(b, n.In[0], p), overPower(b, dy[0], n.Out[0], p))}
	},
	Exact: Rounding,
	Cases: `
		euclid [1 2 2] 3 4 -6 8  ->  [1 2 1] 5 10
		cubes  p=3  [1 1 1 2] 3 -4  ->  [1 1 1 1] 4.497941445275415
		sum    p=1  [1 1 2] 3 -4  ->  [1 1 1] 7`,
})

// powerSlope is the derivative of |x| to the power p, over p: sign(x) times the power p-1. It is 0 at 0.
func powerSlope(b *Builder, x *graph.Value, p float64) *graph.Value {
	switch p {
	case 1:
		return b.Op("Sign", nil, x)
	case 2:
		return x
	}
	return b.Mul(b.Op("Sign", nil, x), b.Op("Pow", nil, b.Op("Abs", nil, x), b.Like(x, p-1)))
}

// overPower is dy over the norm y to the power p-1, 0 where y is 0, as in PyTorch.
func overPower(b *Builder, dy, y *graph.Value, p float64) *graph.Value {
	if p == 1 {
		return dy
	}
	zero := b.Like(dy, 0)
	none := b.Op("Equal", nil, y, zero)
	safe := b.Where(none, b.Like(dy, 1), y)
	if p != 2 {
		safe = b.Op("Pow", nil, safe, b.Like(dy, p-1))
	}
	return b.Where(none, zero, b.Div(dy, safe))
}
