package ops

import "github.com/astronnx/astronnx/graph"

// ReduceProd multiplies elements along axes; the product of nothing is 1. Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceProd.html
var _ = define(Op{
	Name: "ReduceProd", Since: 1,
	Infer: reducedType,
	Eval:  foldProd.eval(),
	// The derivative is the product of the others: that of all that are not 0, if no other one is 0.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		nought, one := b.Like(x, 0), b.Like(x, 1)
		zero := b.Op("Equal", nil, x, nought)
		zeros := reduceLike(b, n, "ReduceSum", b.CastLike(zero, x))
		safe := b.Where(zero, one, x)
		product := reduceLike(b, n, "ReduceProd", safe)
		atZero := b.Where(b.Op("Equal", nil, zeros, one), product, nought)
		elsewhere := b.Where(b.Op("Equal", nil, zeros, nought), b.Div(product, safe), nought)
		return []*graph.Value{b.Mul(spread(b, n, dy[0]), b.Where(zero, atZero, elsewhere)), nil}
	},
	Exact: Rounding,
	Cases: `
		rows  keepdims=0  [2 3] 1 2 3 4 0 6  i64[1] 1  ->  [2] 6 0
		attr  @13 axes=[0]  [2 2] 1 2 3 4  ->  [1 2] 3 8
		zeros [2 3] 0 2 0 0 0.5 3  i64[1] 1  ->  [2 1] 0 0
		empty i32[2 0]  i64[1] 1  ->  i32[2 1] 1 1`,
})
