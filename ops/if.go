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
			out[i] = graph.CommonType(a[i], b[i])
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
	Cases: `
		yes then_branch={-> y: y = Constant{value_floats=[1.0,2.0]}()} else_branch={-> y: y = Constant{value_floats=[3.0]}()}  bool[] 1  ->  [2] 1 2
		no  then_branch={-> y: y = Constant{value_floats=[1.0,2.0]}()} else_branch={-> y: y = Constant{value_floats=[3.0]}()}  bool[] 0  ->  [1] 3`,
})

// truth reads a bool of one element.
func truth(t *graph.Tensor) (bool, error) {
	if t == nil || t.DType != graph.Bool || t.Len() != 1 {
		return false, fmt.Errorf("the condition is %s, want one bool", t)
	}
	return t.Raw[0] != 0, nil
}
