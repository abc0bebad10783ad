package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Cosh is the hyperbolic cosine.
// https://onnx.ai/onnx/operators/onnx__Cosh.html
var _ = define(Op{
	Name: "Cosh", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Cosh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], b.Op("Sinh", nil, n.In[0]))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] 1.5430806348152437 1 1.5430806348152437`,
})
