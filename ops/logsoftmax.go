package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// LogSoftmax is the logarithm of Softmax, without its loss of digits.
// https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
var _ = define(Op{
	Name: "LogSoftmax", Since: 13,
	Infer: sameOverAxis(-1),
	Eval:  overAxis(logSoftmax),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{logSoftmaxGrad(b, n.Out[0], dy[0], b.Ints(n.Attrs.Int("axis", -1)))}
	},
	Exact: Rounding,
	Cases: `
		rows  [1 3] 1 2 3  ->  [1 3] -2.4076059 -1.4076059 -0.4076059
		first axis=0  [2 2] 1000 0 0 0  ->  [2 2] 0 -0.6931472 -1000 -0.6931472`,
})

// Before opset 13 the sum is over all axes from the named one on.
var _ = define(Op{
	Name: "LogSoftmax", Since: 1,
	Infer: sameOverAxis(1),
	Eval:  overRows(logSoftmax),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{logSoftmaxGrad(b, n.Out[0], dy[0], axesFrom(b, n, 1))}
	},
	Exact: Rounding,
	Cases: `
		joined [1 2 2] 3 3 3 3  ->  [1 2 2] -1.3862944 -1.3862944 -1.3862944 -1.3862944`,
})

func logSoftmax(line []float64) {
	top, sum := highest(line), 0.0
	for _, x := range line {
		sum += math.Exp(x - top)
	}
	log := math.Log(sum)
	for i, x := range line {
		line[i] = x - top - log
	}
}

func logSoftmaxGrad(b *Builder, y, dy, axes *graph.Value) *graph.Value {
	return b.Sub(dy, b.Mul(b.Op("Exp", nil, y), sumKept(b, dy, axes)))
}
