package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// ReduceL2 is the Euclidean norm along axes. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceL2.html
var _ = define(Op{
	Name: "ReduceL2", Since: 1,
	Infer: reducedType,
	Eval: fold{
		Float:  func(acc, x float64) float64 { return acc + x*x },
		Finish: func(acc float64, _ int) float64 { return math.Sqrt(acc) },
	}.eval(),
	// The derivative of the norm of zeros is 0, as in PyTorch.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		norm := spread(b, n, n.Out[0])
		zero := b.Like(norm, 0)
		still := b.Op("Equal", nil, norm, zero)
		slope := b.Div(n.In[0], b.Where(still, b.Like(norm, 1), norm))
		return []*graph.Value{b.Mul(spread(b, n, dy[0]), b.Where(still, zero, slope)), nil}
	},
	Exact: Rounding,
	Cases: `
		rows keepdims=0  [2 2] 3 -4 5 12  i64[1] 1  ->  [2] 5 13
		ints i32[2] 3 4  ->  i32[1] 5`,
})
