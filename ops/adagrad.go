package ops

import "github.com/astronnx/astronnx/graph"

// Adagrad is one step of Adagrad (Duchi, Hazan and Singer 2011) for one or more tensors.
// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adagrad.html
var _ = training.Define(Op{
	Name: "Adagrad", Since: 1,
	Expand: updateAll(3, func(b *Builder, n *graph.Node, rate, count *graph.Value, in []*graph.Value) []*graph.Value {
		x, g, h := in[0], regularized(b, n, in[0], in[1]), in[2]
		rate = b.Div(rate, b.Add(b.Like(x, 1), b.Mul(count, attrLike(b, n, "decay_factor", 0, x))))
		h = b.Add(h, b.Mul(g, g))
		scale := b.Add(b.Op("Sqrt", nil, h), attrLike(b, n, "epsilon", 1e-6, x))
		return []*graph.Value{b.Sub(x, b.Div(b.Mul(rate, g), scale)), h}
	}),
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		one  epsilon=0.5 norm_coefficient=0.5 decay_factor=0.5  [] 1  i64[] 2  [2] 2 4  [2] 2 -6  [2] 7 9
			->  [2] 1.6666667 4.3636365  [2] 16 25
		two  epsilon=1.0  [] 2  i64[] 0  [1] 1  [1] 5  [1] 3  [1] 4  [1] 16  [1] 9  ->  [1] 0 [1] 3.6666667  [1] 25 [1] 25
		odd  [] 1  i64[] 0  [1] 1  [1] 1  ->  error "for each tensor"`,
})
