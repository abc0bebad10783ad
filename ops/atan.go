package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Atan is the inverse tangent, in radians.
// https://onnx.ai/onnx/operators/onnx__Atan.html
var _ = define(Op{
	Name: "Atan", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Atan),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Div(dy[0], b.Add(b.Like(x, 1), b.Mul(x, x)))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.7853981633974483 0 0.7853981633974483`,
})
