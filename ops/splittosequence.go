package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// SplitToSequence cuts a tensor along an axis into a sequence: of sizes in a vector, of a scalar size whose last part may be smaller,
// or of single slices.
// https://onnx.ai/onnx/operators/onnx__SplitToSequence.html
var _ = define(Op{
	Name: "SplitToSequence", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0)
		if t == nil {
			return nil, nil
		}
		return []*graph.Type{sequenceOf(&graph.Type{DType: t.DType})}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, err
		}
		length, given := x.Shape[axis], c.Input(1)
		sizes, err := partSizes(given, length)
		if err != nil {
			return nil, err
		}
		parts := cut(c, x, axis, sizes)
		if given == nil && !c.Node.Attrs.Bool("keepdims", true) {
			drop := make([]bool, len(x.Shape))
			drop[axis] = true
			for i, p := range parts {
				parts[i] = withShape(p, removeAxes(p.Shape, drop))
			}
		}
		return []*graph.Tensor{graph.Sequence(parts...)}, nil
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		sizes  [3] 1 2 3  i64[2] 1 2  ->  ([1] 1 [2] 2 3)
		size   [3] 1 2 3  i64[] 2  ->  ([2] 1 2 [1] 3)
		single keepdims=0  [2] 1 2  ->  ([] 1 [] 2)`,
})

func partSizes(given *graph.Tensor, length int64) ([]int64, error) {
	size := int64(1)
	if given != nil {
		list, err := int64s(given)
		if err != nil {
			return nil, err
		}
		if len(given.Shape) > 0 {
			total := int64(0)
			for _, n := range list {
				if n < 0 || n > length {
					return nil, fmt.Errorf("sizes %v of an axis of length %d", list, length)
				}
				total += n
			}
			if total != length {
				return nil, fmt.Errorf("sizes %v of an axis of length %d", list, length)
			}
			return list, nil
		}
		if size = list[0]; size < 1 {
			return nil, fmt.Errorf("parts of size %d", size)
		}
	}
	var sizes []int64
	for at := int64(0); at < length; at += size {
		sizes = append(sizes, min(size, length-at))
	}
	return sizes, nil
}
