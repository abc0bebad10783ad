package ops

import "github.com/astronnx/astronnx/graph"

// Max is the elementwise largest of its inputs with broadcasting; NaN wins.
// https://onnx.ai/onnx/operators/onnx__Max.html
var _ = define(Op{
	Name: "Max", Since: 6,
	Infer: broadcastType,
	Eval:  largest.eval(),
	// Inputs that tie share the gradient in equal parts, as in PyTorch.
	Grad: shareAmongEqual,
	Cases: `
		smooth [3] 1 5 -1  [] 2  [3] 3 -2 0  ->  [3] 3 5 2
		three [3] 1 5 -2  [3] 4 2 nan  [] 3  ->  [3] 4 5 nan
		ints  i64[2] 1 7  i64[2] 5 -3  ->  i64[2] 5 7`,
})

// shareAmongEqual gives the gradient of an extreme to the inputs that reach it.
func shareAmongEqual(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	hits := make([]*graph.Value, len(n.In))
	var count *graph.Value
	for i, x := range n.In {
		hits[i] = b.Op("CastLike", nil, b.Op("Equal", nil, x, n.Out[0]), dy[0])
		if count == nil {
			count = hits[i]
		} else {
			count = b.Add(count, hits[i])
		}
	}
	share := b.Div(dy[0], count)
	for i, hit := range hits {
		hits[i] = b.Mul(share, hit)
	}
	return hits
}

// largest keeps the larger of two operands, or NaN.
var largest = pairs{
	Float: func(a, b float64) float64 { return max(a, b) },
	Int:   func(a, b int64) int64 { return max(a, b) },
	Uint:  func(a, b uint64) uint64 { return max(a, b) },
}
