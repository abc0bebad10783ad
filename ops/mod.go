package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Mod is the remainder of a / b: with the sign of b for integers, or C's fmod with the sign of a where fmod is set.
// https://onnx.ai/onnx/operators/onnx__Mod.html
var _ = define(Op{
	Name: "Mod", Since: 10,
	Infer: broadcastType,
	Eval: nonzeroDivisor(func(c *Call) ([]*graph.Tensor, error) {
		uints := func(a, b uint64) uint64 { return a % b }
		if c.Node.Attrs.Bool("fmod", false) {
			return pairs{Float: math.Mod, Int: func(a, b int64) int64 { return a % b }, Uint: uints}.eval()(c)
		}
		return pairs{Float: floorMod, Int: func(a, b int64) int64 { return (a%b + b) % b }, Uint: uints}.eval()(c)
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, y := n.In[0], n.In[1]
		// a - b·q with the quotient q constant between its steps.
		q := b.Op("Round", nil, b.Div(b.Sub(x, n.Out[0]), y))
		return []*graph.Value{dy[0], b.Op("Neg", nil, b.Mul(dy[0], q))}
	},
	Cases: `
		python i32[4] -4 7 5 4  i32[4] 2 -3 8 -2  ->  i32[4] 0 -2 5 0
		c      fmod=1  [3] -4.25 7.5 5  [3] 2 -3 8  ->  [3] -0.25 1.5 5`,
})

func floorMod(a, b float64) float64 {
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}
