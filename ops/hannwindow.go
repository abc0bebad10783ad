package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// HannWindow is 1/2 - cos(2πn/N)/2, with N-1 in place of N where periodic is 0.
// https://onnx.ai/onnx/operators/onnx__HannWindow.html
var _ = define(cosineWindow("HannWindow", `
		periodic  i64[] 4  ->  [4] 0 0.5 1 0.5
		symmetric periodic=0  i64[] 3  ->  [3] 0 1 0`, 0.5, -0.5))

// cosineWindow defines an operator whose value is the sum of a[k]·cos(2πkn/N).
func cosineWindow(name, cases string, a ...float64) Op {
	return Op{
		Name: name, Since: 17,
		Infer: func(c *Inference) ([]*graph.Type, error) {
			n := graph.Sym("")
			if s := c.Constant(0); s != nil {
				v, err := int64s(s)
				if err != nil || len(v) != 1 || v[0] < 0 {
					return nil, fmt.Errorf("the size is %s, want one integer that is not negative", s)
				}
				n = graph.D(v[0])
			}
			return []*graph.Type{graph.TensorType(windowType(c.Node), n)}, nil
		},
		Eval: func(c *Call) ([]*graph.Tensor, error) {
			v, err := int64s(c.In[0])
			if err != nil || len(v) != 1 || v[0] < 0 {
				return nil, fmt.Errorf("the size is %s, want one integer that is not negative", c.In[0])
			}
			y, err := outputOf(c, windowType(c.Node), []int64{v[0]})
			if err != nil {
				return nil, err
			}
			period := float64(v[0])
			if !c.Node.Attrs.Bool("periodic", true) {
				period = max(1, period-1)
			}
			return []*graph.Tensor{y}, storeFloats(y, int(v[0]), func(i int) float64 {
				sum := 0.0
				for k, f := range a {
					sum += f * math.Cos(2*math.Pi*float64(k)*float64(i)/period)
				}
				return sum
			}, castRule{})
		},
		NoGrad: "its input is a size",
		Exact:  Rounding,
		Grow:   Fixed,
		Cases:  cases,
	}
}

func windowType(n *graph.Node) graph.DType {
	return graph.DType(n.Attrs.Int("output_datatype", int64(graph.Float32)))
}
