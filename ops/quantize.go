package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// scaleIndex tells which element of a scale or zero point serves element i of a tensor: one for all, one for each
// position of the axis or, with a block size, one for each block of elements along the axis.
func scaleIndex(n *graph.Node, shape []int64, scale *graph.Tensor) (func(i int) int, error) {
	if scale.Len() == 1 {
		return func(int) int { return 0 }, nil
	}
	axis, err := axisOf(n.Attrs.Int("axis", 1), len(shape))
	if err != nil {
		return nil, err
	}
	size, block := shape[axis], n.Attrs.Int("block_size", 0)
	_, inner := around(shape, axis)
	if block == 0 {
		if len(scale.Shape) != 1 || scale.Shape[0] != size {
			return nil, fmt.Errorf("a scale of shape %v for axis %d of shape %v", scale.Shape, axis, shape)
		}
		return func(i int) int { return i / inner % int(size) }, nil
	}
	want := slices.Clone(shape)
	if block > 0 {
		want[axis] = (size + block - 1) / block
	}
	if block < 0 || !slices.Equal(scale.Shape, want) {
		return nil, fmt.Errorf("a scale of shape %v for blocks of %d along axis %d of shape %v", scale.Shape, block, axis, shape)
	}
	return func(i int) int {
		row := i / inner
		return (row/int(size)*int(want[axis])+row%int(size)/int(block))*inner + i%inner
	}, nil
}

// numberReader reads integers and floats as float64.
func numberReader(t *graph.Tensor) (func(i int) float64, error) {
	if t.DType.IsFloat() {
		return floatReader(t)
	}
	get, err := intReader(t)
	if err != nil {
		return nil, err
	}
	return func(i int) float64 { return float64(get(i)) }, nil
}

// storeRounded rounds half to even, adds a zero point and saturates to y's integer type.
func storeRounded(y *graph.Tensor, get, zero func(i int) float64) error {
	low, high, ok := integerRange(y.DType)
	if !ok {
		return fmt.Errorf("quantizing to %s", y.DType)
	}
	return storeInts(y, int(y.Len()), func(i int) int64 {
		x := math.RoundToEven(get(i)) + zero(i)
		if x != x {
			x = 0
		}
		return int64(min(max(x, low), high))
	})
}

// oneNumber reads a scalar or a vector of one element.
func oneNumber(t *graph.Tensor, what string) (float64, error) {
	if t == nil || t.Len() != 1 {
		return 0, fmt.Errorf("%s is %s, want one number", what, t)
	}
	get, err := numberReader(t)
	if err != nil {
		return 0, err
	}
	return get(0), nil
}

// requantized turns sums of products of quantized values, in int32, into y: times the scale of each, plus a zero point.
func requantized(c *Call, sums *graph.Tensor, d graph.DType, scale func(i int) float64, zero float64) ([]*graph.Tensor, error) {
	y := c.Output(d, sums.Shape...)
	s := graph.Data[int32](sums)
	err := storeRounded(y, func(i int) float64 { return float64(s[i])*scale(i) + zero }, func(int) float64 { return 0 })
	return []*graph.Tensor{y}, err
}
