package ops

import "github.com/astronnx/astronnx/graph"

// ReduceSumSquare adds squares along axes. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceSumSquare.html
var _ = define(Op{
	Name: "ReduceSumSquare", Since: 1,
	Infer: reducedType,
	Eval: fold{
		Float: func(acc, x float64) float64 { return acc + x*x },
		Int:   func(acc, x int64) int64 { return acc + x*x },
		Uint:  func(acc, x uint64) uint64 { return acc + x*x },
	}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Mul(spread(b, n, dy[0]), b.Mul(n.In[0], b.Like(dy[0], 2))), nil}
	},
	Exact: Rounding,
	Cases: `
		rows keepdims=0  [2 2] 3 -4 5 12  i64[1] 1  ->  [2] 25 169`,
})
