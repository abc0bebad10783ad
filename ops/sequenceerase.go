package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// SequenceErase removes one element, by default the last.
// https://onnx.ai/onnx/operators/onnx__SequenceErase.html
var _ = define(Op{
	Name: "SequenceErase", Since: 11,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := elements(c.In[0])
		if err != nil {
			return nil, err
		}
		which := c.Input(1)
		if which == nil {
			which = graph.Scalar(int64(-1))
		}
		at, err := position(which, len(s), len(s))
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{graph.Sequence(slices.Delete(slices.Clone(s), at, at+1)...)}, nil
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		first ([1] 1 [2] 2 3)  i64[] 0  ->  ([2] 2 3)`,
})
