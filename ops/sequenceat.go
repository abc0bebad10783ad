package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// SequenceAt is one element of a sequence; negative positions count from the end.
// https://onnx.ai/onnx/operators/onnx__SequenceAt.html
var _ = define(Op{
	Name: "SequenceAt", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) { return []*graph.Type{elementType(c.Type(0))}, nil },
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := elements(c.In[0])
		if err != nil {
			return nil, err
		}
		i, err := position(c.In[1], len(s), len(s))
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{s[i]}, nil
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		last ([1] 1 [2] 2 3)  i64[] -1  ->  [2] 2 3`,
})

// elementType is the type of a sequence's or optional's element.
func elementType(t *graph.Type) *graph.Type {
	if t == nil {
		return nil
	}
	return t.Of.Clone()
}
