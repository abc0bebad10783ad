package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// SequenceInsert puts a tensor before a position of a sequence, or at its end.
// https://onnx.ai/onnx/operators/onnx__SequenceInsert.html
var _ = define(Op{
	Name: "SequenceInsert", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil {
			withoutShape(t.Of)
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := elements(c.In[0])
		if err != nil {
			return nil, err
		}
		at := len(s)
		if c.Input(2) != nil {
			if at, err = position(c.In[2], len(s), len(s)+1); err != nil {
				return nil, err
			}
		}
		return []*graph.Tensor{graph.Sequence(slices.Insert(slices.Clone(s), at, c.In[1])...)}, nil
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		front ([1] 1)  [2] 2 3  i64[] 0  ->  ([2] 2 3 [1] 1)
		end   ([1] 1)  [2] 2 3  ->  ([1] 1 [2] 2 3)`,
})
