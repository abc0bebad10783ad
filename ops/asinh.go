package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Asinh is the inverse hyperbolic sine.
// https://onnx.ai/onnx/operators/onnx__Asinh.html
var _ = define(Op{
	Name: "Asinh", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Asinh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Div(dy[0], b.Op("Sqrt", nil, b.Add(b.Mul(x, x), b.Like(x, 1))))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.881373587019543 0 0.881373587019543`,
})
