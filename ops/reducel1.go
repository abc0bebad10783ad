package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// ReduceL1 adds absolute values along axes. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceL1.html
var _ = define(Op{
	Name: "ReduceL1", Since: 1,
	Infer: reducedType,
	Eval: fold{
		Float: func(acc, x float64) float64 { return acc + math.Abs(x) },
		Int:   func(acc, x int64) int64 { return acc + max(x, -x) },
		Uint:  foldSum.Uint,
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(spread(b, n, dy[0]), b.Op("Sign", nil, n.In[0])), nil}
	},
	Exact: Rounding,
	Cases: `
		rows keepdims=0  [2 2] 1 -2 -3 4  i64[1] 1  ->  [2] 3 7
		none noop_with_empty_axes=1  [2] 1 -2  ->  [2] 1 2`,
})
