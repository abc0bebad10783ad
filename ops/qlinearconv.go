package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// QLinearConv is a convolution of quantized values, quantized again: x, its scale and zero point, the weights with
// theirs (of one number or one for each output channel), the scale and zero point of the result and an int32 bias in
// the scale of the products.
// https://onnx.ai/onnx/operators/onnx__QLinearConv.html
var _ = define(Op{
	Name: "QLinearConv", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		conv := *c
		conv.In = []*graph.Type{c.Type(0), c.Type(3)}
		t, err := inferConv(&conv)
		if err != nil {
			return nil, err
		}
		return withTypeOf(t[0], c.Type(7)), nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		xs, err := oneNumber(c.In[1], "the input's scale")
		if err != nil {
			return nil, err
		}
		ys, err := oneNumber(c.In[6], "the result's scale")
		if err != nil {
			return nil, err
		}
		zero, err := oneNumber(c.In[7], "the result's zero point")
		if err != nil {
			return nil, err
		}
		inner := *c
		inner.New = nil
		sums, err := convIntegers(&inner, c.In[0], c.In[2], c.In[3], c.In[5], c.Input(8))
		if err != nil {
			return nil, err
		}
		ws, err := floatReader(c.In[4])
		if err != nil {
			return nil, err
		}
		channels, each := c.In[3].Shape[0], int64(1)
		for _, d := range sums[0].Shape[2:] {
			each *= d
		}
		if n := c.In[4].Len(); n != 1 && n != channels {
			return nil, fmt.Errorf("the weights' scale is %s for %d output channels", c.In[4], channels)
		}
		step := int64(1)
		if c.In[4].Len() == 1 {
			step = 0
		}
		scale := func(i int) float64 { return xs * ws(int(int64(i)/each%channels*step)) / ys }
		return requantized(c, sums[0], c.In[7].DType, scale, zero)
	},
	NoGrad: "its result is rounded",
	Exact:  Bitwise,
	Cases: `
		line     u8[1 1 3] 2 4 6  [] 0.5  u8[] 2  i8[1 1 1] 3  [1] 0.5  i8[1] 1  [] 0.25  u8[] 10  ->  u8[1 1 3] 10 14 18
		channels u8[1 1 2] 1 2  [] 1  u8[] 0  i8[2 1 1] 1 2  [2] 1 0.5  i8[2] 0 0  [] 1  i8[] 0  i32[2] 3 -2  ->  i8[1 2 2] 4 5 0 1`,
})

// withTypeOf gives t, nil if unknown, the element type of zero.
func withTypeOf(t, zero *graph.Type) []*graph.Type {
	if t == nil {
		t = &graph.Type{}
	}
	t = t.Clone()
	t.DType = 0
	if zero != nil {
		t.DType = zero.DType
	}
	return []*graph.Type{t}
}
