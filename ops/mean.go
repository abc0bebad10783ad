package ops

import "github.com/astronnx/astronnx/graph"

// Mean is the elementwise mean of its inputs with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Mean.html
var _ = define(Op{
	Name: "Mean", Since: 6,
	Infer: broadcastType,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		sum, err := pairs{Float: func(a, b float64) float64 { return a + b }}.eval()(c)
		if err != nil {
			return nil, err
		}
		d := *c
		d.In = sum
		return eachFloat(func(x float64) float64 { return x / float64(len(c.In)) })(&d)
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		share := b.Div(dy[0], b.Like(dy[0], float64(len(n.In))))
		dx := make([]*graph.Value, len(n.In))
		for i := range dx {
			dx[i] = share
		}
		return dx
	},
	Cases: `
		two [2] 1 2  [2] 3 6  ->  [2] 2 4`,
})
