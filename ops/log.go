package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Log is the natural logarithm.
// https://onnx.ai/onnx/operators/onnx__Log.html
var _ = define(Op{
	Name: "Log", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachFloat(math.Log),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Div(dy[0], n.In[0])}
	},
	Cases: `
		points [2] 1 2  ->  [2] 0 0.6931471805599453`,
})
