package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// DequantizeLinear is (x - zero point) · scale in the scale's type, or output_dtype (opset 23). Scales are as in QuantizeLinear.
// https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
var _ = define(Op{
	Name: "DequantizeLinear", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := &graph.Type{}
		if x := c.Type(0); x != nil {
			t = x.Clone()
		}
		t.DType = graph.DType(c.Node.Attrs.Int("output_dtype", 0))
		if scale := c.Type(1); scale != nil && t.DType == 0 {
			t.DType = scale.DType
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, scale, zero := c.In[0], c.In[1], c.Input(2)
		if zero != nil && (zero.DType != x.DType || !slices.Equal(zero.Shape, scale.Shape) && zero.Len() != 1) {
			return nil, fmt.Errorf("the zero point is %s for an input %s and a scale %s", zero, x, scale)
		}
		index, err := scaleIndex(c.Node, x.Shape, scale)
		if err != nil {
			return nil, err
		}
		shift, err := zeroPoints(c.Node, x.Shape, zero)
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
		d := scale.DType
		if to := graph.DType(c.Node.Attrs.Int("output_dtype", 0)); to != 0 {
			d = to
		}
		if !d.IsFloat() {
			return nil, unsupported(c, d)
		}
		y, err := outputOf(c, d, x.Shape)
		if err != nil {
			return nil, err
		}
		get := func(i int) float64 { return (xs(i) - shift(i)) * ss(index(i)) }
		return []*graph.Tensor{y}, storeFloats(y, int(x.Len()), get, castRule{true, "up"})
	},
	// The scale's gradient; the quantized values have none.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, scale := n.In[0], n.In[1]
		if n.Attrs.Int("block_size", 0) != 0 || scale.Type.Rank() < 0 || x.Type.Rank() < 0 {
			panic("ops: the gradient of DequantizeLinear needs the ranks of its inputs, and no blocks")
		}
		unit := b.Op("Expand", nil, b.Like(dy[0], 1), b.Op("Shape", nil, scale))
		attrs := graph.Attrs{}
		if n.Attrs.Has("axis") {
			attrs["axis"] = n.Attrs.Int("axis", 1)
		}
		d := b.Mul(dy[0], b.Op("DequantizeLinear", attrs, x, unit, n.Input(2)))
		if size := scale.Type.Sizes(); len(size) == 0 || size[0] == 1 {
			return []*graph.Value{nil, d, nil}
		}
		axis, err := axisOf(n.Attrs.Int("axis", 1), x.Type.Rank())
		if err != nil {
			panic(err)
		}
		others := []int64{}
		for i := range x.Type.Rank() {
			if i != axis {
				others = append(others, int64(i))
			}
		}
		attrs = graph.Attrs{"keepdims": 0, "noop_with_empty_axes": 1}
		return []*graph.Value{nil, b.Op("ReduceSum", attrs, d, b.Ints(others...)), nil}
	},
	Exact: Bitwise,
	Cases: `
		bytes  u8[4] 0 3 128 255  [] 2  u8[] 128  ->  [4] -256 -250 0 254
		axis   axis=0  i8[2 2] 1 2 3 4  [2] 1 2  i8[2] 0 10  ->  [2 2] 1 2 -14 -12
		blocks !kink axis=1 block_size=2  i4[1 3] 1 2 3  [1 2] 2 3  i4[1 2] 1 0  ->  [1 3] 0 2 9
		small  f8e4m3fn[2] 0.5 -448  [] 2  ->  [2] 1 -896`,
})
