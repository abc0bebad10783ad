package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// QLinearMatMul is a matrix product of quantized values, quantized again. Scale and zero point of A are one number or
// one for each row, those of B one or one for each column.
// https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
var _ = define(Op{
	Name: "QLinearMatMul", Since: 10,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		a, b := c.Type(0), c.Type(3)
		if a != nil && b != nil { // the integers may differ
			b = b.Clone()
			b.DType = a.DType
		}
		t, err := matMulType(a, b)
		if err != nil {
			return nil, err
		}
		return withTypeOf(t, c.Type(7)), nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		a, err := lessZeroPoint(c.In[0], c.In[2], -2)
		if err != nil {
			return nil, fmt.Errorf("a: %w", err)
		}
		b, err := lessZeroPoint(c.In[3], c.In[5], -1)
		if err != nil {
			return nil, fmt.Errorf("b: %w", err)
		}
		zero, err := oneNumber(c.In[7], "the result's zero point")
		if err != nil {
			return nil, err
		}
		ys, err := oneNumber(c.In[6], "the result's scale")
		if err != nil {
			return nil, err
		}
		inner := *c
		inner.New = nil
		sums, err := matMul(&inner, a, b)
		if err != nil {
			return nil, err
		}
		rows, cols := int64(1), int64(1)
		if len(a.Shape) > 1 {
			rows = a.Shape[len(a.Shape)-2]
		}
		if len(b.Shape) > 1 {
			cols = b.Shape[len(b.Shape)-1]
		}
		as, err := floatReader(c.In[1])
		if err != nil {
			return nil, err
		}
		bs, err := floatReader(c.In[4])
		if err != nil {
			return nil, err
		}
		na, nb := c.In[1].Len(), c.In[4].Len()
		if na != 1 && na != rows || nb != 1 && nb != cols {
			return nil, fmt.Errorf("scales are %s and %s for %d rows and %d columns", c.In[1], c.In[4], rows, cols)
		}
		scale := func(i int) float64 {
			row, col := int64(i)/cols%rows, int64(i)%cols
			return as(int(row%na)) * bs(int(col%nb)) / ys
		}
		return requantized(c, sums, c.In[7].DType, scale, zero)
	},
	NoGrad: "its result is rounded",
	Exact:  Bitwise,
	Cases: `
		plain u8[1 2] 3 5  [] 0.5  u8[] 1  i8[2 2] 1 2 3 4  [] 0.5  i8[] 0  [] 1  u8[] 10  ->  u8[1 2] 14 15
		rows  u8[2 1] 1 2  [2] 1 2  u8[2] 0 0  i8[1 2] 1 -2  [2] 1 0.5  i8[2] 0 0  [1] 1  i8[1] 0  ->  i8[2 2] 1 -1 4 -4`,
})
