package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Asin is the inverse sine, in radians.
// https://onnx.ai/onnx/operators/onnx__Asin.html
var _ = define(Op{
	Name: "Asin", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Asin),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Div(dy[0], b.Op("Sqrt", nil, b.Sub(b.Like(x, 1), b.Mul(x, x))))}
	},
	Cases: `
		points [3] -0.5 0 0.5  ->  [3] -0.5235987755982989 0 0.5235987755982989`,
})
