package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// Clip limits x to [min, max]; either may be absent. Where min exceeds max the result is max.
// https://onnx.ai/onnx/operators/onnx__Clip.html
var _ = define(Op{
	Name: "Clip", Since: 11,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		return clip(c, c.Input(1), c.Input(2))
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		// On the limits themselves the derivative is that of x, as in PyTorch. What x does not get, the limit in force gets.
		x, dx, zero := n.In[0], dy[0], b.Like(dy[0], 0)
		var dlo, dhi *graph.Value
		lo, hi := n.Input(1), n.Input(2)
		if hi != nil {
			raised := x
			if lo != nil {
				raised = b.Op("Max", nil, x, lo)
			}
			over := b.Op("Greater", nil, raised, hi)
			dx, dhi = b.Where(over, zero, dx), b.Where(over, dx, zero)
		}
		if lo != nil {
			under := b.Op("Less", nil, x, lo)
			dx, dlo = b.Where(under, zero, dx), b.Where(under, dx, zero)
		}
		return []*graph.Value{dx, dlo, dhi}
	},
	Exact: Bitwise,
	Cases: `
		both [3] -2 0.5 9  [] -1  [] 1  ->  [3] -1 0.5 1
		low  i32[2] -5 5  i32[] 0  ->  i32[2] 0 5`,
})

// Before opset 11 the limits were attributes.
var _ = define(Op{
	Name: "Clip", Since: 6,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		var limits [2]*graph.Tensor
		for i, name := range []string{"min", "max"} {
			if c.Node.Attrs.Has(name) {
				t, err := castTensor(graph.Scalar(c.Node.Attrs.Float(name, 0)), c.In[0].DType)
				if err != nil {
					return nil, err
				}
				limits[i] = t
			}
		}
		return clip(c, limits[0], limits[1])
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		inside := b.Op("Equal", nil, n.In[0], n.Out[0])
		return []*graph.Value{b.Where(inside, dy[0], b.Like(dy[0], 0))}
	},
	Exact: Bitwise,
	Cases: `
		both min=-1.0 max=1.0  [3] -2 0.5 9  ->  [3] -1 0.5 1`,
})

func clip(c *Call, lo, hi *graph.Tensor) ([]*graph.Tensor, error) {
	d := *c
	y := c.In[0]
	for i, limit := range []*graph.Tensor{lo, hi} {
		if limit == nil {
			continue
		}
		d.In = []*graph.Tensor{y, limit}
		bound := smallest
		if i == 0 {
			bound = largest
		}
		out, err := bound.eval()(&d)
		if err != nil {
			return nil, err
		}
		y = out[0]
	}
	return []*graph.Tensor{y}, nil
}
