package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Range is start, start+delta, ... below limit (above it for negative delta).
// https://onnx.ai/onnx/operators/onnx__Range.html
var _ = define(Op{
	Name: "Range", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if c.Type(0) == nil {
			return nil, nil
		}
		n := graph.Sym("")
		if a, z, d := c.Constant(0), c.Constant(1), c.Constant(2); a != nil && z != nil && d != nil {
			count, err := rangeCount(a, z, d)
			if err != nil {
				return nil, err
			}
			n = graph.D(count)
		}
		return []*graph.Type{graph.TensorType(c.Type(0).DType, n)}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		a, d := c.In[0], c.In[2]
		n, err := rangeCount(a, c.In[1], d)
		if err != nil {
			return nil, err
		}
		y, err := outputOf(c, a.DType, []int64{n})
		if err != nil {
			return nil, err
		}
		if a.DType.IsFloat() {
			from, _ := floatReader(a)
			step, _ := floatReader(d)
			x0, dx := from(0), step(0)
			return []*graph.Tensor{y}, storeFloats(y, int(n), func(i int) float64 { return x0 + float64(i)*dx }, castRule{})
		}
		from, err := intReader(a)
		if err != nil {
			return nil, err
		}
		step, _ := intReader(d)
		x0, dx := from(0), step(0)
		return []*graph.Tensor{y}, storeInts(y, int(n), func(i int) int64 { return x0 + int64(i)*dx })
	}),
	NoGrad: "its inputs are sizes and steps",
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		up   [] 1  [] 2.5  [] 0.5  ->  [3] 1 1.5 2
		down i32[] 10  i32[] 4  i32[] -3  ->  i32[2] 10 7
		none i64[] 5  i64[] 5  i64[] 1  ->  i64[0]`,
})

func rangeCount(a, z, d *graph.Tensor) (int64, error) {
	for _, t := range []*graph.Tensor{a, z, d} {
		if t.Len() != 1 || t.DType != a.DType {
			return 0, fmt.Errorf("start, limit and delta are %s, %s and %s, want scalars of one type", a, z, d)
		}
	}
	if a.DType.IsFloat() {
		x, err := floatReader(a)
		if err != nil {
			return 0, err
		}
		y, _ := floatReader(z)
		s, _ := floatReader(d)
		n := math.Ceil((y(0) - x(0)) / s(0))
		if n != n || n > maxBytes {
			return 0, fmt.Errorf("range of %g steps", n)
		}
		return int64(max(0, n)), nil
	}
	x, err := intReader(a)
	if err != nil {
		return 0, err
	}
	y, _ := intReader(z)
	s, _ := intReader(d)
	from, to, step := x(0), y(0), s(0)
	switch {
	case step == 0:
		return 0, fmt.Errorf("range with delta 0")
	case step > 0 && to > from:
		return int64((uint64(to-from)-1)/uint64(step)) + 1, nil
	case step < 0 && to < from:
		return int64((uint64(from-to)-1)/uint64(-step)) + 1, nil
	}
	return 0, nil
}
