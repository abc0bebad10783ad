package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Erf is the error function.
// https://onnx.ai/onnx/operators/onnx__Erf.html
var _ = define(Op{
	Name: "Erf", Since: 9,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Erf),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		bell := b.Op("Exp", nil, b.Op("Neg", nil, b.Mul(x, x)))
		return []*graph.Value{b.Mul(dy[0], b.Mul(bell, b.Like(x, 2/math.SqrtPi)))}
	},
	Cases: `
		points [3] -1 0 0.5  ->  [3] -0.8427007929497149 0 0.5204998778130465`,
})
