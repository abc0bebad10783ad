package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Sin is the sine of an angle in radians.
// https://onnx.ai/onnx/operators/onnx__Sin.html
var _ = define(Op{
	Name: "Sin", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Sin),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], b.Op("Cos", nil, n.In[0]))}
	},
	Cases: `
		points [3] -1 0 1  ->  [3] -0.8414709848078965 0 0.8414709848078965`,
})
