package ops

import "github.com/astronnx/astronnx/graph"

// GlobalAveragePool is the mean over all axes but the first two.
// https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
var _ = define(Op{
	Name: "GlobalAveragePool", Since: 1,
	Infer: inferGlobalPool,
	Eval: globalPool(func(*graph.Node) fold {
		return fold{Float: foldSum.Float, Finish: func(acc float64, n int) float64 { return acc / float64(n) }}
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		each := func(v *graph.Value) *graph.Value { return b.CastLike(b.Op("Size", nil, v), dy[0]) }
		return []*graph.Value{likeInput(b, n, b.Div(b.Mul(dy[0], each(dy[0])), each(n.In[0])))}
	},
	Exact: Rounding,
	Cases: `
		plane [1 2 2 2] 1 2 3 6 0 0 0 4  ->  [1 2 1 1] 3 1
		line  [2 1 2] 1 2 3 5  ->  [2 1 1] 1.5 4`,
})
