package ops

import "github.com/astronnx/astronnx/graph"

// ReduceMean averages elements along axes; integers are truncated. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceMean.html
var _ = define(Op{
	Name: "ReduceMean", Since: 1,
	Infer: reducedType,
	Eval:  foldMean.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		each := func(v *graph.Value) *graph.Value { return b.CastLike(b.Op("Size", nil, v), dy[0]) }
		share := b.Div(b.Mul(dy[0], each(n.Out[0])), each(n.In[0]))
		return []*graph.Value{likeInput(b, n, spread(b, n, share)), nil}
	},
	Exact: Rounding,
	Cases: `
		rows  keepdims=0  [2 3] 1 2 3 4 5 9  i64[1] 1  ->  [2] 2 6
		attr  @13 axes=[0]  [2 2] 1 2 3 6  ->  [1 2] 2 4
		all   i32[2 2] 1 2 3 5  ->  i32[1 1] 2`,
})

var foldMean = fold{Float: foldSum.Float, Finish: func(acc float64, n int) float64 { return acc / float64(n) }}
