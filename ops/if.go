package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// If runs one of two subgraphs.
// https://onnx.ai/onnx/operators/onnx__If.html
var _ = define(Op{
	Name: "If", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		then, other := c.Node.Attrs.Graph("then_branch"), c.Node.Attrs.Graph("else_branch")
		if c.Sub == nil || then == nil || other == nil {
			return nil, nil
		}
		a, err := c.Sub(then, nil)
		if err != nil {
			return nil, err
		}
		b, err := c.Sub(other, nil)
		if err != nil {
			return nil, err
		}
		out := make([]*graph.Type, len(c.Node.Out))
		for i := range min(len(a), len(b), len(out)) {
			out[i] = commonType(a[i], b[i])
		}
		return out, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		yes, err := truth(c.In[0])
		if err != nil {
			return nil, err
		}
		branch := "else_branch"
		if yes {
			branch = "then_branch"
		}
		return c.Sub(c.Node.Attrs.Graph(branch), nil)
	},
	NoGrad: "a branch depends on data",
	Grow:   Fixed,
})

// truth reads a bool of one element.
func truth(t *graph.Tensor) (bool, error) {
	if t == nil || t.DType != graph.Bool || t.Len() != 1 {
		return false, fmt.Errorf("the condition is %s, want one bool", t)
	}
	return t.Raw[0] != 0, nil
}

// commonType keeps what two types agree on.
func commonType(a, b *graph.Type) *graph.Type {
	if a == nil || b == nil || a.Kind != b.Kind || a.DType != b.DType {
		return nil
	}
	c := a.Clone()
	c.Of = commonType(a.Of, b.Of)
	if a.Rank() != b.Rank() {
		c.Shape = nil
		return c
	}
	for i, d := range b.Shape {
		if d != c.Shape[i] {
			c.Shape[i] = graph.Sym("")
		}
	}
	return c
}
