package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// BitCast reads the same bits as another type of equal width.
// https://onnx.ai/onnx/operators/onnx__BitCast.html
var _ = define(Op{
	Name: "BitCast", Since: 26,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil {
			t.DType = graph.DType(c.Node.Attrs.Int("to", 0))
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, to := c.In[0], graph.DType(c.Node.Attrs.Int("to", 0))
		if to.Bits() == 0 || to.Bits() != x.DType.Bits() {
			return nil, fmt.Errorf("the bits of %s as %s, want equal widths", x.DType, to)
		}
		y := *x
		y.DType = to
		return []*graph.Tensor{&y}, nil
	},
	NoGrad: "it reads bits, not numbers",
	Exact:  Bitwise,
	Cases: `
		float to=6  [2] 1 -2  ->  i32[2] 1065353216 -1073741824`,
})
