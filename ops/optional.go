package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// Optional wraps a value, or is an absent value of the type in its attribute.
// https://onnx.ai/onnx/operators/onnx__Optional.html
var _ = define(Op{
	Name: "Optional", Since: 15,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		of := c.Type(0)
		if of == nil {
			of, _ = c.Node.Attrs["type"].(*graph.Type)
		}
		return []*graph.Type{{Kind: graph.OptionalKind, Of: of.Clone()}}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		return []*graph.Tensor{graph.Optional(c.Input(0))}, nil
	},
	NoGrad: "optionals carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		present [2] 1 2  ->  ?([2] 1 2)`,
})
