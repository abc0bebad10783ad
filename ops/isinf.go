package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// IsInf tells which elements are infinite, of the signs that detect_positive and detect_negative name.
// https://onnx.ai/onnx/operators/onnx__IsInf.html
var _ = define(Op{
	Name: "IsInf", Since: 10,
	Infer: truthType,
	Eval: testFloats(func(n *graph.Node, x float64) bool {
		return math.IsInf(x, 1) && n.Attrs.Bool("detect_positive", true) || math.IsInf(x, -1) && n.Attrs.Bool("detect_negative", true)
	}),
	NoGrad: "its values are logical",
	Exact:  Bitwise,
	Cases: `
		both     [4] 1 nan inf -inf  ->  bool[4] 0 0 1 1
		negative detect_positive=0  [2] inf -inf  ->  bool[2] 0 1`,
})

// testFloats applies a test to every element of a floating tensor.
func testFloats(f func(n *graph.Node, x float64) bool) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) {
		get, err := floatReader(c.In[0])
		if err != nil {
			return nil, unsupported(c, c.In[0].DType)
		}
		y := c.Output(graph.Bool, c.In[0].Shape...)
		fill(graph.Data[bool](y), func(i int) bool { return f(c.Node, get(i)) })
		return []*graph.Tensor{y}, nil
	}
}
