package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Gelu is x·Φ(x) with the normal distribution Φ, or its approximation by tanh (Hendrycks and Gimpel 2016).
// https://onnx.ai/onnx/operators/onnx__Gelu.html
var _ = define(Op{
	Name: "Gelu", Since: 20,
	Infer: sameAsFirst,
	Eval: eachFloatBy(func(n *graph.Node) func(float64) float64 {
		if n.Attrs.Str("approximate", "none") == "tanh" {
			return func(x float64) float64 { return x / 2 * (1 + math.Tanh(geluScale*(x+geluCubic*x*x*x))) }
		}
		return func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		one, half := b.Like(x, 1), b.Like(x, 0.5)
		if n.Attrs.Str("approximate", "none") == "tanh" {
			x2 := b.Mul(x, x)
			inner := b.Mul(b.Like(x, geluScale), b.Mul(x, b.Add(one, b.Mul(b.Like(x, geluCubic), x2))))
			t := b.Op("Tanh", nil, inner)
			slope := b.Mul(b.Like(x, geluScale), b.Add(one, b.Mul(b.Like(x, 3*geluCubic), x2)))
			bend := b.Mul(b.Mul(x, b.Sub(one, b.Mul(t, t))), slope)
			return []*graph.Value{b.Mul(dy[0], b.Mul(half, b.Add(b.Add(one, t), bend)))}
		}
		cdf := b.Mul(half, b.Add(one, b.Op("Erf", nil, b.Mul(x, b.Like(x, 1/math.Sqrt2)))))
		bell := b.Op("Exp", nil, b.Mul(b.Like(x, -0.5), b.Mul(x, x)))
		pdf := b.Mul(bell, b.Like(x, 1/math.Sqrt(2*math.Pi)))
		return []*graph.Value{b.Mul(dy[0], b.Add(cdf, b.Mul(x, pdf)))}
	},
	Cases: `
		exact [3] -1 0 1  ->  [3] -0.15865525393145707 0 0.8413447460685429
		tanh approximate="tanh"  [2] -1 1  ->  [2] -0.15880800939172324 0.8411919906082768`,
})

const (
	geluScale = 0.7978845608028654 // sqrt(2/π)
	geluCubic = 0.044715
)
