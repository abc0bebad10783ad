package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// QuantizeLinear is x / scale, rounded half to even, plus the zero point, saturated; small floats are rounded to.
// Scales are one number, one for each position along an axis (opset 13) or one for each block of it (opset 21).
// https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
var _ = define(Op{
	Name: "QuantizeLinear", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := &graph.Type{}
		if x := c.Type(0); x != nil {
			t = x.Clone()
		}
		t.DType = 0
		if zero := c.Type(2); zero != nil {
			t.DType = zero.DType
		} else if !c.Has(2) {
			t.DType = quantizedType(c.Node)
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, scale, zero := c.In[0], c.In[1], c.Input(2)
		d := quantizedType(c.Node)
		if zero != nil {
			if d = zero.DType; !slices.Equal(zero.Shape, scale.Shape) && zero.Len() != 1 {
				return nil, fmt.Errorf("the zero point is %s for a scale %s", zero, scale)
			}
		}
		quotient, err := quotients(c, x, scale)
		if err != nil {
			return nil, err
		}
		shift, err := zeroPoints(c.Node, x.Shape, zero)
		if err != nil {
			return nil, err
		}
		y, err := outputOf(c, d, x.Shape)
		if err != nil {
			return nil, err
		}
		if d.IsFloat() {
			get := func(i int) float64 { return quotient(i) + shift(i) }
			return []*graph.Tensor{y}, storeFloats(y, int(x.Len()), get, rounding(c.Node))
		}
		return []*graph.Tensor{y}, storeRounded(y, quotient, shift)
	},
	NoGrad: "its result is rounded",
	Exact:  Bitwise,
	Cases: `
		bytes  [6] 0 2 3 1000 -254 -1000  [] 2  u8[] 128  ->  u8[6] 128 129 130 255 1 0
		axis   axis=0  [2 2] 1 2 3 4  [2] 1 2  i8[2] 0 10  ->  i8[2 2] 1 2 12 12
		blocks axis=1 block_size=2 output_dtype=3  [1 3] 4 6 9  [1 2] 2 3  ->  i8[1 3] 2 3 3
		nibble [3] 1 -3 20  [] 1  i4[] 0  ->  i4[3] 1 -3 7
		small  [2] 3 1000  [] 1  f8e4m3fn[] 0  ->  f8e4m3fn[2] 3 448
		axes   [2] 1 2  [3] 1 2 3  ->  error "axis"`,
})

func quantizedType(n *graph.Node) graph.DType {
	if d := n.Attrs.Int("output_dtype", 0); d != 0 {
		return graph.DType(d)
	}
	return graph.Uint8
}

// quotients are the elements of x over their scales, in float32 unless x is float64.
func quotients(c *Call, x, scale *graph.Tensor) (func(i int) float64, error) {
	index, err := scaleIndex(c.Node, x.Shape, scale)
	if err != nil {
		return nil, err
	}
	xs, err := numberReader(x)
	if err != nil {
		return nil, err
	}
	ss, err := floatReader(scale)
	if err != nil {
		return nil, err
	}
	if x.DType == graph.Float64 {
		return func(i int) float64 { return xs(i) / ss(index(i)) }, nil
	}
	return func(i int) float64 { return float64(float32(xs(i)) / float32(ss(index(i)))) }, nil
}

// zeroPoints reads the zero point of each element of a tensor, 0 where zero is nil.
func zeroPoints(n *graph.Node, shape []int64, zero *graph.Tensor) (func(i int) float64, error) {
	if zero == nil {
		return func(int) float64 { return 0 }, nil
	}
	index, err := scaleIndex(n, shape, zero)
	if err != nil {
		return nil, err
	}
	get, err := numberReader(zero)
	if err != nil {
		return nil, err
	}
	return func(i int) float64 { return get(index(i)) }, nil
}
