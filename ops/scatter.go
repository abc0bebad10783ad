package ops

import (
	"fmt"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

// Scatter is the former name of ScatterElements without a reduction.
// https://onnx.ai/onnx/operators/onnx__Scatter.html
var _ = define(Op{
	Name: "Scatter", Since: 9,
	Infer: sameAsFirst,
	Eval:  evalScatterElements,
	Grad:  scatterElementsGrad,
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		row axis=1  [1 3] 1 2 3  i64[1 2] 2 0  [1 2] 8 9  ->  [1 3] 9 2 8`,
})

// reducer combines an element with an update, in place. Updates are applied in order.
type reducer func(y *graph.Tensor, at int, u *graph.Tensor, from int)

// reducerOf returns the reduction of a scatter operator for elements of type d.
func reducerOf(n *graph.Node, d graph.DType) (reducer, error) {
	mode := n.Attrs.Str("reduction", "none")
	if mode == "none" {
		return func(y *graph.Tensor, at int, u *graph.Tensor, from int) { copyElements(y, at, u, from, 1) }, nil
	}
	var r reducer
	switch d {
	case graph.Float32:
		r = reduceAs[float32](mode)
	case graph.Float64:
		r = reduceAs[float64](mode)
	case graph.Int8:
		r = reduceAs[int8](mode)
	case graph.Int16:
		r = reduceAs[int16](mode)
	case graph.Int32:
		r = reduceAs[int32](mode)
	case graph.Int64:
		r = reduceAs[int64](mode)
	case graph.Uint8:
		r = reduceAs[uint8](mode)
	case graph.Uint16:
		r = reduceAs[uint16](mode)
	case graph.Uint32:
		r = reduceAs[uint32](mode)
	case graph.Uint64:
		r = reduceAs[uint64](mode)
	case graph.Float16, graph.BFloat16:
		r = reduceHalf(mode, d)
	}
	if r == nil {
		return nil, fmt.Errorf("reduction %q of %s", mode, d)
	}
	return r, nil
}

func combine[T Real](mode string) func(a, b T) T {
	switch mode {
	case "add":
		return func(a, b T) T { return a + b }
	case "mul":
		return func(a, b T) T { return a * b }
	case "max":
		return func(a, b T) T { return max(a, b) }
	case "min":
		return func(a, b T) T { return min(a, b) }
	}
	return nil
}

func reduceAs[T Real](mode string) reducer {
	f := combine[T](mode)
	if f == nil {
		return nil
	}
	return func(y *graph.Tensor, at int, u *graph.Tensor, from int) {
		ys := graph.Data[T](y)
		ys[at] = f(ys[at], graph.Data[T](u)[from])
	}
}

// reduceHalf combines 16-bit floats in float32.
func reduceHalf(mode string, d graph.DType) reducer {
	f := combine[float32](mode)
	if f == nil {
		return nil
	}
	if d == graph.Float16 {
		return func(y *graph.Tensor, at int, u *graph.Tensor, from int) {
			ys := graph.Data[float16.Float16](y)
			ys[at] = float16.Fromfloat32(f(ys[at].Float32(), graph.Data[float16.Float16](u)[from].Float32()))
		}
	}
	return func(y *graph.Tensor, at int, u *graph.Tensor, from int) {
		ys := graph.Data[graph.BF16](y)
		ys[at] = graph.ToBF16(f(ys[at].Float32(), graph.Data[graph.BF16](u)[from].Float32()))
	}
}

// startFrom returns an output that holds x's elements, for kernels that change some of them.
func startFrom(c *Call, x *graph.Tensor) *graph.Tensor {
	y := c.Output(x.DType, x.Shape...)
	copyElements(y, 0, x, 0, int(x.Len()))
	return y
}
