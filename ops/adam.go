package ops

import "github.com/astronnx/astronnx/graph"

// Adam is one step of Adam (Kingma and Ba 2015) for one or more tensors; after the step they shrink by
// norm_coefficient_post.
// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adam.html
var _ = training.Define(Op{
	Name: "Adam", Since: 1,
	Expand: updateAll(4, func(b *Builder, n *graph.Node, rate, count *graph.Value, in []*graph.Value) []*graph.Value {
		x, g, one := in[0], regularized(b, n, in[0], in[1]), b.Like(in[0], 1)
		alpha, beta := attrLike(b, n, "alpha", 0.9, x), attrLike(b, n, "beta", 0.999, x)
		v := b.Add(b.Mul(alpha, in[2]), b.Mul(b.Sub(one, alpha), g))
		h := b.Add(b.Mul(beta, in[3]), b.Mul(b.Sub(one, beta), b.Mul(g, g)))
		// The averages begin at 0, and so are too small at first; a count of 0 asks not to correct that.
		t := b.Op("Max", nil, count, one)
		bias := b.Div(b.Op("Sqrt", nil, b.Sub(one, b.Op("Pow", nil, beta, t))), b.Sub(one, b.Op("Pow", nil, alpha, t)))
		rate = b.Where(b.Op("Greater", nil, count, b.Like(x, 0)), b.Mul(rate, bias), rate)
		scale := b.Add(b.Op("Sqrt", nil, h), attrLike(b, n, "epsilon", 1e-6, x))
		y := b.Sub(x, b.Mul(rate, b.Div(v, scale)))
		return []*graph.Value{b.Mul(b.Sub(one, attrLike(b, n, "norm_coefficient_post", 0, x)), y), v, h}
	}),
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		start   alpha=0.5 beta=0.75 epsilon=1.0  [] 2  i64[] 0  [1] 1  [1] 4  [1] 2  [1] 0  ->  [1] -1  [1] 3  [1] 4
		bias    alpha=0.5 beta=0.75 epsilon=1.0 norm_coefficient=1.0 norm_coefficient_post=0.5
			[] 2  i64[] 1  [1] 1  [1] 3  [1] 2  [1] 0  ->  [1] -0.5  [1] 3  [1] 4`,
})
