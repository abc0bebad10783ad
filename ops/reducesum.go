package ops

import "github.com/astronnx/astronnx/graph"

// ReduceSum adds elements along axes. Before opset 13 axes is an attribute; the sum of nothing is 0.
// https://onnx.ai/onnx/operators/onnx__ReduceSum.html
var _ = define(Op{
	Name: "ReduceSum", Since: 1,
	Infer: reducedType,
	Eval:  foldSum.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{likeInput(b, n, spread(b, n, dy[0])), nil}
	},
	Exact: Rounding,
	Cases: `
		rows  keepdims=0  [2 3] 1 2 3 4 5 6  i64[1] 1  ->  [2] 6 15
		keep  [2 3] 1 2 3 4 5 6  i64[1] -2  ->  [1 3] 5 7 9
		all   i32[2 2] 1 2 3 -4  ->  i32[1 1] 2
		none  noop_with_empty_axes=1  [2] 1 2  i64[0]  ->  [2] 1 2
		empty keepdims=0  [2 0]  i64[1] 1  ->  [2] 0 0
		range [2] 1 2  i64[1] 1  ->  error "axis 1"`,
})
