package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// LpNormalization divides by the 1-norm or 2-norm along an axis; where that is 0 the result is 0.
// https://onnx.ai/onnx/operators/onnx__LpNormalization.html
var _ = define(Op{
	Name: "LpNormalization", Since: 1,
	Infer: sameOverAxis(-1),
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		p := c.Node.Attrs.Int("p", 2)
		if p != 1 && p != 2 {
			return nil, fmt.Errorf("p is %d, want 1 or 2", p)
		}
		return overAxis(func(line []float64) {
			sum := 0.0
			for _, x := range line {
				sum += math.Pow(math.Abs(x), float64(p))
			}
			if length := math.Pow(sum, 1/float64(p)); length != 0 {
				for i := range line {
					line[i] /= length
				}
			}
		})(c)
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		norm := "ReduceL2"
		if n.Attrs.Int("p", 2) == 1 {
			norm = "ReduceL1"
		}
		x := n.In[0]
		length := b.Op(norm, graph.Attrs{"keepdims": 1}, x, b.Ints(n.Attrs.Int("axis", -1)))
		still := b.Op("Equal", nil, length, b.Like(x, 0))
		return []*graph.Value{b.Div(x, b.Where(still, b.Like(x, 1), length))}
	},
	Exact: Rounding,
	Cases: `
		length [2 2] 3 4 0 0.5  ->  [2 2] 0.6 0.8 0 1
		sum    p=1 axis=0  [2 2] 1 3 -3 1  ->  [2 2] 0.25 0.75 -0.75 0.25
		zero   !kink  [2] 0 0  ->  [2] 0 0
		cube   p=3  [1] 1  ->  error "p is 3"`,
})
