package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Abs is |x|.
// https://onnx.ai/onnx/operators/onnx__Abs.html
var _ = define(Op{
	Name: "Abs", Since: 6,
	Infer: sameAsFirst,
	Eval:  eachReal(math.Abs, func(x int64) int64 { return max(x, -x) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(dy[0], b.Op("Sign", nil, n.In[0]))}
	},
	Cases: `
		signs [3] -1.5 0 2  ->  [3] 1.5 0 2
		ints i32[2] -3 4  ->  i32[2] 3 4`,
})
