package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Unsqueeze inserts dimensions of size 1 at the named axes of the result. Before opset 13 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
var _ = define(Op{
	Name: "Unsqueeze", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		axes, known, err := inferAxes(c)
		if err != nil || t.Rank() < 0 || !known {
			return []*graph.Type{withoutShape(t)}, err
		}
		t.Shape, err = insertAxes(t.Shape, axes, graph.D(1))
		return []*graph.Type{t}, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		axes, err := evalAxes(c)
		if err != nil {
			return nil, err
		}
		shape, err := insertAxes(c.In[0].Shape, axes, 1)
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{withShape(c.In[0], shape)}, nil
	},
	Grad:  reshapeLikeInput,
	Exact: Bitwise,
	Cases: `
		ends [2] 1 2  i64[2] 0 -1  ->  [1 2 1] 1 2`,
})

func insertAxes[T any](shape []T, axes []int64, one T) ([]T, error) {
	rank := len(shape) + len(axes)
	added := make([]bool, rank)
	for _, a := range axes {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if added[axis] {
			return nil, fmt.Errorf("axes %v name one twice", axes)
		}
		added[axis] = true
	}
	out := make([]T, 0, rank)
	next := 0
	for i := range rank {
		if added[i] {
			out = append(out, one)
		} else {
			out = append(out, shape[next])
			next++
		}
	}
	return out, nil
}
