package ops

import "github.com/astronnx/astronnx/graph"

// Upsample repeats or interpolates to scales times the size; Resize has replaced it. Before opset 9 scales is an attribute.
// https://onnx.ai/onnx/operators/onnx__Upsample.html
var (
	_ = define(Op{
		Name: "Upsample", Since: 9,
		Infer: func(c *Inference) ([]*graph.Type, error) { return inferResize(c, resizeInputs{scales: 1}) },
		Eval: func(c *Call) ([]*graph.Tensor, error) {
			return evalResize(c, upsamplingOf(c.Node), resizeInputs{scales: 1})
		},
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return resizeGrad(b, n, dy[0], upsamplingOf(n), resizeInputs{scales: 1})
		},
		Exact: Rounding,
		Grow:  Fixed,
		Cases: `
			repeat [1 2] 1 2  [2] 1.25 2.1  ->  [1 4] 1 1 1 2
			linear !kink mode="linear"  [1 1 2] 0 4  [3] 1 1 2  ->  [1 1 4] 0 2 4 4`,
	})
	_ = define(Op{
		Name: "Upsample", Since: 7,
		Infer: func(c *Inference) ([]*graph.Type, error) {
			with := *c
			with.Const = []*graph.Tensor{nil, scalesAttr(c.Node)}
			return inferResize(&with, resizeInputs{scales: 1})
		},
		Eval: func(c *Call) ([]*graph.Tensor, error) {
			with := *c
			with.In = []*graph.Tensor{c.In[0], scalesAttr(c.Node)}
			return evalResize(&with, upsamplingOf(c.Node), resizeInputs{scales: 1})
		},
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return resizeGrad(b, n, dy[0], upsamplingOf(n), resizeInputs{scales: 1})
		},
		Exact: Rounding,
		Grow:  Fixed,
		Cases: `
			repeat scales=[1.0,1.0,2.0]  [1 1 2] 1 2  ->  [1 1 4] 1 1 2 2`,
	})
)

func scalesAttr(n *graph.Node) *graph.Tensor { return graph.Vector(n.Attrs.Floats("scales", nil)...) }
