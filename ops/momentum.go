package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Momentum is one step of gradient descent with momentum, standard or Nesterov's, for one or more tensors.
// https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Momentum.html
var _ = training.Define(Op{
	Name: "Momentum", Since: 1,
	Expand: updateAll(3, func(b *Builder, n *graph.Node, rate, count *graph.Value, in []*graph.Value) []*graph.Value {
		x, g := in[0], regularized(b, n, in[0], in[1])
		alpha, one := attrLike(b, n, "alpha", 0, x), b.Like(x, 1)
		beta := b.Where(b.Op("Greater", nil, count, b.Like(x, 0)), attrLike(b, n, "beta", 0, x), one)
		v := b.Add(b.Mul(alpha, in[2]), b.Mul(beta, g))
		step := v
		switch mode := n.Attrs.Str("mode", ""); mode {
		case "standard":
		case "nesterov":
			step = b.Add(g, b.Mul(alpha, v))
		default:
			panic(fmt.Sprintf("ops: mode %q of Momentum, want standard or nesterov", mode))
		}
		return []*graph.Value{b.Sub(x, b.Mul(rate, step)), v}
	}),
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		first    mode="standard" alpha=0.5 beta=0.25 norm_coefficient=0.5
			[] 0.5  i64[] 0  [1] 2  [1] 3  [1] 4  ->  [1] -1  [1] 6
		later    mode="standard" alpha=0.5 beta=0.25 norm_coefficient=0.5
			[] 0.5  i64[] 1  [1] 2  [1] 3  [1] 4  ->  [1] 0.5  [1] 3
		nesterov mode="nesterov" alpha=0.5 beta=0.25 norm_coefficient=0.0
			[] 0.5  i64[] 1  [1] 2  [1] 4  [1] 4  ->  [1] -0.75  [1] 3
		unknown  mode="fast" alpha=0.5 beta=0.25 norm_coefficient=0.0
			[] 0.5  i64[] 1  [1] 2  [1] 4  [1] 4  ->  error "mode"`,
})
