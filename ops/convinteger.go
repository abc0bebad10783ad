package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// ConvInteger is the convolution of 8-bit integers less their zero points, in int32. The zero point of the weights is
// one number or one for each output channel.
// https://onnx.ai/onnx/operators/onnx__ConvInteger.html
var _ = define(Op{
	Name: "ConvInteger", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, err := inferConv(c)
		if err != nil {
			return nil, err
		}
		if t[0] == nil {
			t[0] = &graph.Type{}
		}
		t[0].DType = graph.Int32
		return t, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		return convIntegers(c, c.In[0], c.Input(2), c.In[1], c.Input(3), nil)
	},
	NoGrad: "its values are integers",
	Exact:  Bitwise,
	Cases: `
		plane  u8[1 1 3 3] 2..10  u8[1 1 2 2] 1*4  u8[] 1  ->  i32[1 1 2 2] 12 16 24 28
		padded pads=[1,0]  i8[1 1 2] 5 6  i8[2 1 2] 1 2 3 4  i8[] 4  i8[2] 0 1  ->  i32[1 2 2] 2 5 3 8
		shape  u8[1 2 3] 1..6  u8[1 1 2] 1 1  ->  error "channels"`,
})

// convIntegers convolves x less its zero point with weights less theirs.
func convIntegers(c *Call, x, zx, w, zw, bias *graph.Tensor) ([]*graph.Tensor, error) {
	if zx != nil && zx.Len() != 1 {
		return nil, fmt.Errorf("the input's zero point is %s, want one number", zx)
	}
	if zw != nil && zw.Len() != 1 {
		if len(w.Shape) == 0 || zw.Len() != w.Shape[0] {
			return nil, fmt.Errorf("the weights' zero point is %s for weights %s", zw, w)
		}
		zw = withShape(zw, append([]int64{w.Shape[0]}, slices.Repeat([]int64{1}, len(w.Shape)-1)...))
	}
	x32, err := lessZeroPoint(x, zx, -1)
	if err != nil {
		return nil, err
	}
	w32, err := lessZeroPoint(w, zw, -1)
	if err != nil {
		return nil, err
	}
	return evalConv[int32](c, x32, w32, bias)
}
