package ops

import "github.com/astronnx/astronnx/graph"

// Identity is its input, of any type.
// https://onnx.ai/onnx/operators/onnx__Identity.html
var _ = define(Op{
	Name: "Identity", Since: 1,
	Infer: sameAsFirst,
	Eval:  func(c *Call) ([]*graph.Tensor, error) { return c.In[:1], nil },
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return dy[:1]
	},
	Cases: `
		floats [2] 1 2  ->  [2] 1 2
		words  str[2] "a" "b c"  ->  str[2] "a" "b c"`,
})
