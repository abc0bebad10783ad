package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// ReduceLogSum is the logarithm of the sum along axes. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html
var _ = define(Op{
	Name: "ReduceLogSum", Since: 1,
	Infer: reducedType,
	Eval:  fold{Float: foldSum.Float, Finish: func(acc float64, _ int) float64 { return math.Log(acc) }}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		share := b.Div(dy[0], b.Op("Exp", nil, n.Out[0]))
		return []*graph.Value{likeInput(b, n, spread(b, n, share)), nil}
	},
	Exact: Rounding,
	Cases: `
		rows  keepdims=0  [2 2] 0.25 0.75 3 4  i64[1] 1  ->  [2] 0 1.9459101
		empty [2 0]  i64[1] 1  ->  [2 1] -inf -inf`,
})
