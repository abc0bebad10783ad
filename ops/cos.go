package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Cos is the cosine of an angle in radians.
// https://onnx.ai/onnx/operators/onnx__Cos.html
var _ = define(Op{
	Name: "Cos", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Cos),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Neg", nil, b.Mul(dy[0], b.Op("Sin", nil, n.In[0])))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] 0.5403023058681398 1 0.5403023058681398`,
})
