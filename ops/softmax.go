package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Softmax is exp(x) divided by its sum along an axis.
// https://onnx.ai/onnx/operators/onnx__Softmax.html
var _ = define(Op{
	Name: "Softmax", Since: 13,
	Infer: sameOverAxis(-1),
	Eval:  overAxis(softmax),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{softmaxGrad(b, n.Out[0], dy[0], b.Ints(n.Attrs.Int("axis", -1)))}
	},
	Exact: Rounding,
	Cases: `
		rows  [2 3] 0 0 0 1 2 3  ->  [2 3] 0.33333334 0.33333334 0.33333334 0.09003057 0.24472848 0.66524094
		first axis=0  [2 2] 1000 0 1000 -inf  ->  [2 2] 0.5 1 0.5 0`,
})

// Before opset 13 the sum is over all axes from the named one on.
var _ = define(Op{
	Name: "Softmax", Since: 1,
	Infer: sameOverAxis(1),
	Eval:  overRows(softmax),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{softmaxGrad(b, n.Out[0], dy[0], axesFrom(b, n, 1))}
	},
	Exact: Rounding,
	Cases: `
		joined [1 2 2] 0 0 0 0  ->  [1 2 2] 0.25 0.25 0.25 0.25
		last   axis=-1  [1 2 2] 0 0 2 2  ->  [1 2 2] 0.5 0.5 0.5 0.5`,
})

// softmax replaces a line by its exponentials over their sum; the largest is taken out, so that none overflows.
func softmax(line []float64) {
	top, sum := highest(line), 0.0
	for i, x := range line {
		line[i] = math.Exp(x - top)
		sum += line[i]
	}
	for i := range line {
		line[i] /= sum
	}
}

// highest is the largest element, NaN if there is one, -Inf of nothing.
func highest(line []float64) float64 {
	top := math.Inf(-1)
	for _, x := range line {
		top = max(top, x)
	}
	return top
}

func softmaxGrad(b *Builder, y, dy, axes *graph.Value) *graph.Value {
	return b.Mul(y, b.Sub(dy, sumKept(b, b.Mul(dy, y), axes)))
}
