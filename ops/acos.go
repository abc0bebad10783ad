package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Acos is the inverse cosine, in radians.
// https://onnx.ai/onnx/operators/onnx__Acos.html
var _ = define(Op{
	Name: "Acos", Since: 7,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Acos),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		return []*graph.Value{b.Op("Neg", nil, b.Div(dy[0], b.Op("Sqrt", nil, b.Sub(b.Like(x, 1), b.Mul(x, x)))))}
	},
	Cases: `
		points [3] -0.5 0 0.5  ->  [3] 2.0943951023931957 1.5707963267948966 1.0471975511965979`,
})
