package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// SequenceEmpty is a sequence without elements.
// https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html
var _ = define(Op{
	Name: "SequenceEmpty", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		d := graph.DType(c.Node.Attrs.Int("dtype", int64(graph.Float32)))
		return []*graph.Type{sequenceOf(&graph.Type{DType: d})}, nil
	},
	Eval:   func(c *Call) ([]*graph.Tensor, error) { return []*graph.Tensor{graph.Sequence()}, nil },
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		none  ->  ()`,
})
