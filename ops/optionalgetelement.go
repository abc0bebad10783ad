package ops

import (
	"errors"

	"github.com/astronnx/astronnx/graph"
)

// OptionalGetElement is the value in an optional; of any other value it is that value.
// https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html
var _ = define(Op{
	Name: "OptionalGetElement", Since: 15,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0)
		if t != nil && t.Kind == graph.OptionalKind {
			t = t.Of
		}
		return []*graph.Type{t.Clone()}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		t := c.In[0]
		if t == nil || t.Kind == graph.OptionalKind && len(t.Elems) == 0 {
			return nil, errors.New("the optional is absent")
		}
		if t.Kind == graph.OptionalKind {
			t = t.Elems[0]
		}
		return []*graph.Tensor{t}, nil
	},
	Grad:  func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value { return dy[:1] },
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		plain [2] 1 2  ->  [2] 1 2`,
})
