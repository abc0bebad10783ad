package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// MeanVarianceNormalization is (x - mean)/(deviation + 1e-9) with the moments along axes, without those of a channel by
// default.
// https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
var _ = define(Op{
	Name: "MeanVarianceNormalization", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if rank := c.Type(0).Rank(); rank >= 0 {
			for _, a := range c.Node.Attrs.Ints("axes", mvnAxes) {
				if _, err := axisOf(a, rank); err != nil {
					return nil, err
				}
			}
		}
		return sameAsFirst(c)
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		if !x.DType.IsFloat() {
			return nil, unsupported(c, x.DType)
		}
		over, err := markAxes(c.Node, c.Node.Attrs.Ints("axes", mvnAxes), len(x.Shape))
		if err != nil {
			return nil, err
		}
		inner := *c
		inner.New = nil
		mean, err := foldMean.over(&inner, x, over)
		if err != nil {
			return nil, err
		}
		away, err := pairs{Float: func(x, m float64) float64 { return x - m }}.apply(&inner, x, mean)
		if err != nil {
			return nil, err
		}
		variance, err := foldMeanSquare.over(&inner, away, over)
		if err != nil {
			return nil, err
		}
		y, err := pairs{Float: func(d, v float64) float64 { return d / (math.Sqrt(v) + 1e-9) }}.apply(c, away, variance)
		return []*graph.Tensor{y}, err
	}),
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		axes := b.Ints(n.Attrs.Ints("axes", mvnAxes)...)
		mean := func(v *graph.Value) *graph.Value { return b.Op("ReduceMean", graph.Attrs{"keepdims": 1}, v, axes) }
		away := b.Sub(n.In[0], mean(n.In[0]))
		deviation := b.Op("Sqrt", nil, mean(b.Mul(away, away)))
		return []*graph.Value{b.Div(away, b.Add(deviation, b.Like(n.In[0], 1e-9)))}
	},
	Exact: Rounding,
	Cases: `
		channel [2 1 1 2] 1 3 5 7  ->  [2 1 1 2] -1.3416407 -0.4472136 0.4472136 1.3416407
		axes    axes=[-1]  [1 3] 1 2 6  ->  [1 3] -0.9258201 -0.46291006 1.3887301`,
})

var mvnAxes = []int64{0, 2, 3}

var foldMeanSquare = fold{
	Float:  func(acc, x float64) float64 { return acc + x*x },
	Finish: func(acc float64, n int) float64 { return acc / float64(n) },
}
