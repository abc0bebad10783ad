package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// OptionalHasElement tells whether an optional is present; any other value is, no value is not.
// https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html
var _ = define(Op{
	Name: "OptionalHasElement", Since: 15,
	Infer: func(c *Inference) ([]*graph.Type, error) { return []*graph.Type{graph.TensorType(graph.Bool)}, nil },
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		t := c.Input(0)
		return []*graph.Tensor{graph.Scalar(t != nil && (t.Kind != graph.OptionalKind || len(t.Elems) > 0))}, nil
	},
	NoGrad: "its value is logical",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		plain [2] 1 2  ->  bool[] 1`,
})
