package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Atanh is the inverse hyperbolic tangent.
// https://onnx.ai/onnx/operators/onnx__Atanh.html
var _ = define(Op{
	Name: "Atanh", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Atanh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Div(dy[0], b.Sub(b.Like(x, 1), b.Mul(x, x)))}
	},
	Cases: `
		points [3] -0.5 0 0.5  ->  [3] -0.5493061443340548 0 0.5493061443340548`,
})
