package ops

import "github.com/astronnx/astronnx/graph"

// CumProd multiplies up the elements along an axis; with exclusive without the element itself, with reverse from the
// end.
// https://onnx.ai/onnx/operators/onnx__CumProd.html
var _ = define(Op{
	Name: "CumProd", Since: 26,
	Infer: inferCumulative,
	Eval:  cumulative{1, foldProd}.eval(),
	// The elements before the first 0 of a line divide what follows them. The 0 itself has the products without it, and
	// nothing after it has any effect.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		nought, one := b.Like(x, 0), b.Like(x, 1)
		zero := b.Op("Equal", nil, x, nought)
		count := b.Op("CumSum", graph.Attrs{"reverse": n.Attrs.Bool("reverse", false)}, b.CastLike(zero, x), n.In[1])
		first := b.Op("And", nil, zero, b.Op("Equal", nil, count, one))
		without := b.Op("CumProd", n.Attrs, b.Where(first, one, x), n.In[1])
		atZero := b.Where(first, summedBack(b, n, b.Mul(dy[0], without)), nought)
		before := b.Div(summedBack(b, n, b.Mul(dy[0], n.Out[0])), b.Where(zero, one, x))
		return []*graph.Value{b.Where(b.Op("Equal", nil, count, nought), before, atZero), nil}
	},
	Exact: Rounding,
	Cases: `
		plain   [2 3] 1 2 3 4 5 6  i64[] 1  ->  [2 3] 1 2 6 4 20 120
		zeros   [5] 2 3 0 4 0  i64[] 0  ->  [5] 2 6 0 0 0
		before  exclusive=1  [4] 2 3 0 5  i32[] 0  ->  [4] 1 2 6 0
		back    exclusive=1 reverse=1  i32[3] 1 2 3  i64[1] -1  ->  i32[3] 6 3 1`,
})
