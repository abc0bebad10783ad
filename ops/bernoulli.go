package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Bernoulli draws 1 with the probability that each element of its input is, else 0. A node with a seed always draws the
// same.
// https://onnx.ai/onnx/operators/onnx__Bernoulli.html
var _ = define(Op{
	Name: "Bernoulli", Since: 15,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if d := graph.DType(c.Node.Attrs.Int("dtype", 0)); t != nil && d != 0 {
			t.DType = d
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		p, err := floatReader(x)
		if err != nil {
			return nil, err
		}
		y := c.Output(graph.DType(c.Node.Attrs.Int("dtype", int64(x.DType))), x.Shape...)
		r := sourceOf(c.Node)
		draws := make([]float64, x.Len())
		for i := range draws {
			if !(p(i) >= 0 && p(i) <= 1) {
				return nil, fmt.Errorf("element %d is %g, want a probability", i, p(i))
			}
			if r.Float64() < p(i) {
				draws[i] = 1
			}
		}
		return []*graph.Tensor{y}, storeFloats(y, len(draws), func(i int) float64 { return draws[i] }, castRule{})
	},
	NoGrad: "what is drawn does not change with small changes of a probability",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		sure  [4] 0 1 1 0  ->  [4] 0 1 1 0
		truth dtype=9 seed=3.0  f64[2] 1 0  ->  bool[2] 1 0
		more  [1] 1.5  ->  error "probability"`,
})
