package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// SequenceConstruct makes a sequence of its inputs.
// https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html
var _ = define(Op{
	Name: "SequenceConstruct", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0)
		if t == nil {
			return nil, nil
		}
		return []*graph.Type{sequenceOf(&graph.Type{DType: t.DType})}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		for i, t := range c.In {
			if t == nil || t.DType != c.In[0].DType {
				return nil, fmt.Errorf("element %d is %s, the first %s", i, t, c.In[0])
			}
		}
		return []*graph.Tensor{graph.Sequence(append([]*graph.Tensor{}, c.In...)...)}, nil
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		two [1] 1  [2] 2 3  ->  ([1] 1 [2] 2 3)`,
})

func sequenceOf(elem *graph.Type) *graph.Type { return &graph.Type{Kind: graph.SequenceKind, Of: elem} }

// elements returns the elements of a sequence value.
func elements(t *graph.Tensor) ([]*graph.Tensor, error) {
	if t == nil || t.Kind != graph.SequenceKind {
		return nil, fmt.Errorf("want a sequence, got %s", t)
	}
	return t.Elems, nil
}

// position reads a scalar index into a sequence of n elements, or up to limit.
func position(t *graph.Tensor, n, limit int) (int, error) {
	at, err := int64s(t)
	if err != nil {
		return 0, err
	}
	if len(at) != 1 || at[0] < -int64(n) || at[0] >= int64(limit) {
		return 0, fmt.Errorf("position %v in a sequence of %d", at, n)
	}
	if at[0] < 0 {
		return int(at[0]) + n, nil
	}
	return int(at[0]), nil
}
