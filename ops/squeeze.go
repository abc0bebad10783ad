package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Squeeze removes dimensions of size 1: the named axes, or all. Before opset 13 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__Squeeze.html
var _ = define(Op{
	Name: "Squeeze", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		axes, known, err := inferAxes(c)
		if err != nil || t.Rank() < 0 || !known {
			return []*graph.Type{withoutShape(t)}, err
		}
		if axes == nil && slices.ContainsFunc(t.Shape, func(d graph.Dim) bool { return !d.Known() }) {
			return []*graph.Type{withoutShape(t)}, nil
		}
		drop, err := squeezed(t.Sizes(), axes)
		if err != nil {
			return nil, err
		}
		t.Shape = removeAxes(t.Shape, drop)
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		axes, err := evalAxes(c)
		if err != nil {
			return nil, err
		}
		drop, err := squeezed(c.In[0].Shape, axes)
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{withShape(c.In[0], removeAxes(c.In[0].Shape, drop))}, nil
	},
	Grad:  reshapeLikeInput,
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		all   [1 2 1] 1 2  ->  [2] 1 2
		named [1 2 1] 1 2  i64[1] -1  ->  [1 2] 1 2`,
})

// squeezed marks the axes to remove; a size of -1 is taken to be 1 where its axis is named.
func squeezed(shape, axes []int64) ([]bool, error) {
	drop := make([]bool, len(shape))
	if axes == nil {
		for i, d := range shape {
			drop[i] = d == 1
		}
		return drop, nil
	}
	for _, a := range axes {
		axis, err := axisOf(a, len(shape))
		if err != nil {
			return nil, err
		}
		if shape[axis] != 1 && shape[axis] != -1 {
			return nil, fmt.Errorf("axis %d has size %d, want 1", a, shape[axis])
		}
		drop[axis] = true
	}
	return drop, nil
}

func removeAxes[T any](shape []T, drop []bool) []T {
	out := make([]T, 0, len(shape))
	for i, d := range shape {
		if !drop[i] {
			out = append(out, d)
		}
	}
	return out
}

// withoutShape forgets a type's shape.
func withoutShape(t *graph.Type) *graph.Type {
	if t != nil {
		t.Shape = nil
	}
	return t
}

// evalAxes reads axes from input 1 or, before it was one, from the attribute; nil: absent.
func evalAxes(c *Call) ([]int64, error) {
	if t := c.Input(1); t != nil {
		axes, err := int64s(t)
		if axes == nil {
			axes = []int64{}
		}
		return axes, err
	}
	return c.Node.Attrs.Ints("axes", nil), nil
}

// inferAxes is evalAxes before a run; known is false where the axes are computed.
func inferAxes(c *Inference) (axes []int64, known bool, err error) {
	if c.Has(1) {
		t := c.Constant(1)
		if t == nil {
			return nil, false, nil
		}
		if axes, err = int64s(t); axes == nil {
			axes = []int64{}
		}
		return axes, true, err
	}
	return c.Node.Attrs.Ints("axes", nil), true, nil
}
