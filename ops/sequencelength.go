package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// SequenceLength is the number of elements of a sequence.
// https://onnx.ai/onnx/operators/onnx__SequenceLength.html
var _ = define(Op{
	Name: "SequenceLength", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) { return []*graph.Type{graph.TensorType(graph.Int64)}, nil },
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := elements(c.In[0])
		return []*graph.Tensor{graph.Scalar(int64(len(s)))}, err
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		two ([1] 1 [2] 2 3)  ->  i64[] 2`,
})
