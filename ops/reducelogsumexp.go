package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// ReduceLogSumExp is the logarithm of the sum of exponentials along axes, without overflow. Before opset 18 axes is an
// attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html
var _ = define(Op{
	Name: "ReduceLogSumExp", Since: 1,
	Infer: reducedType,
	Eval:  widened(logSumExp),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		weight := b.Op("Exp", nil, b.Sub(n.In[0], spread(b, n, n.Out[0])))
		return []*graph.Value{b.Mul(spread(b, n, dy[0]), weight), nil}
	},
	Exact: Rounding,
	Cases: `
		rows  keepdims=0  [2 2] 0 0 1000 1000  i64[1] 1  ->  [2] 0.6931472 1000.6931
		empty [2 0]  i64[1] 1  ->  [2 1] -inf -inf`,
})

// logSumExp takes the largest element out of the sum, so that no exponential exceeds 1.
func logSumExp(c *Call) ([]*graph.Tensor, error) {
	x := c.In[0]
	if x.DType.IsInt() {
		return logSumExpOfInts(c)
	}
	over, err := reducedAxes(c)
	if err != nil {
		return nil, err
	}
	inner := *c
	inner.New = nil
	shift, err := foldMax.over(&inner, x, over)
	if err != nil {
		return nil, err
	}
	finite, err := eachFloat(func(m float64) float64 {
		if math.IsInf(m, 0) {
			return 0
		}
		return m
	})(&Call{Ctx: c.Ctx, Node: c.Node, In: []*graph.Tensor{shift}})
	if err != nil {
		return nil, err
	}
	weights, err := pairs{Float: func(x, m float64) float64 { return math.Exp(x - m) }}.apply(&inner, x, finite[0])
	if err != nil {
		return nil, err
	}
	sum, err := foldSum.over(&inner, weights, over)
	if err != nil {
		return nil, err
	}
	y, err := pairs{Float: func(s, m float64) float64 { return math.Log(s) + m }}.apply(c, sum, finite[0])
	if err != nil {
		return nil, err
	}
	if !c.Node.Attrs.Bool("keepdims", true) {
		y.Shape = removeAxes(y.Shape, over)
	}
	return []*graph.Tensor{y}, nil
}

func logSumExpOfInts(c *Call) ([]*graph.Tensor, error) {
	wide, err := castTensor(c.In[0], graph.Float64)
	if err != nil {
		return nil, err
	}
	inner := *c
	inner.New, inner.In = nil, append([]*graph.Tensor{wide}, c.In[1:]...)
	y, err := logSumExp(&inner)
	if err != nil {
		return nil, err
	}
	y[0], err = castTensor(y[0], c.In[0].DType)
	return y, err
}
