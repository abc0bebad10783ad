package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// MatMulInteger is the matrix product of 8-bit integers less their zero points, in int32. The zero point of A is one
// number or one for each row, that of B one or one for each column.
// https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
var _ = define(Op{
	Name: "MatMulInteger", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, err := matMulType(c.Type(0), c.Type(1))
		if t == nil {
			t = &graph.Type{}
		}
		t.DType = graph.Int32
		return []*graph.Type{t}, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		a, err := lessZeroPoint(c.In[0], c.Input(2), -2)
		if err != nil {
			return nil, fmt.Errorf("a: %w", err)
		}
		b, err := lessZeroPoint(c.In[1], c.Input(3), -1)
		if err != nil {
			return nil, fmt.Errorf("b: %w", err)
		}
		y, err := matMul(c, a, b)
		return []*graph.Tensor{y}, err
	},
	NoGrad: "its values are integers",
	Exact:  Bitwise,
	Cases: `
		plain  u8[1 2] 11 7  u8[2 2] 1 4 2 5  ->  i32[1 2] 25 79
		scalar u8[1 2] 11 7  i8[2 2] 1 4 2 5  u8[] 12  i8[] -1  ->  i32[1 2] -17 -35
		rows   i8[2 1] 3 4  i8[1 2] 1 2  i8[2] 1 2  i8[2] 0 1  ->  i32[2 2] 2 2 2 2
		long   u8[1 2] 1 2  u8[2 1] 1 2  u8[3] 1 1 1  ->  error "zero point"`,
})

// lessZeroPoint is t - zero in int32. A zero point of more than one number belongs to the named one of the last two
// axes.
func lessZeroPoint(t, zero *graph.Tensor, axis int) (*graph.Tensor, error) {
	if t.DType != graph.Int8 && t.DType != graph.Uint8 {
		return nil, fmt.Errorf("got %s, want int8 or uint8", t)
	}
	wide, err := castTensor(t, graph.Int32)
	if err != nil || zero == nil {
		return wide, err
	}
	if zero.DType != t.DType {
		return nil, fmt.Errorf("the zero point is %s for %s", zero, t)
	}
	shift, err := castTensor(zero, graph.Int32)
	if err != nil {
		return nil, err
	}
	if len(zero.Shape) == 1 && axis == -2 && len(t.Shape) > 1 && zero.Shape[0] != 1 {
		shift = withShape(shift, []int64{zero.Shape[0], 1})
	}
	shape, err := BroadcastShape(t.Shape, shift.Shape)
	if err != nil || !slices.Equal(shape, t.Shape) {
		return nil, fmt.Errorf("the zero point is %s for %s", zero, t)
	}
	ws, zs := graph.Data[int32](wide), graph.Data[int32](shift)
	eachRow(t.Shape, [][]int{broadcastStrides(shift.Shape, t.Shape)}, func(at int, from, steps []int, n int) {
		for k := range n {
			ws[at+k] -= zs[from[0]+k*steps[0]]
		}
	})
	return wide, nil
}
