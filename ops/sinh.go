package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Sinh is the hyperbolic sine.
// https://onnx.ai/onnx/operators/onnx__Sinh.html
var _ = define(Op{
	Name: "Sinh", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Sinh),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], b.Op("Cosh", nil, n.In[0]))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -1.1752011936438014 0 1.1752011936438014`,
})
