package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Acosh is the inverse hyperbolic cosine.
// https://onnx.ai/onnx/operators/onnx__Acosh.html
var _ = define(Op{
	Name: "Acosh", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Acosh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Div(dy[0], b.Op("Sqrt", nil, b.Sub(b.Mul(x, x), b.Like(x, 1))))}
	},
	Cases: `
		points [2] 1.5 2  ->  [2] 0.9624236501192069 1.3169578969248166`,
})
