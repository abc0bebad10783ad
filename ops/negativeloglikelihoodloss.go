package ops

import "github.com/astronnx/astronnx/graph"

// NegativeLogLikelihoodLoss is -weight·x at the target class, of x (N, C, ...) and targets (N, ...): summed, averaged
// by weight, or each. A target of ignore_index counts for nothing; any other outside the classes is an error.
// https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html
var _ = define(Op{
	Name: "NegativeLogLikelihoodLoss", Since: 12,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, err := inferClassLoss(c)
		return []*graph.Type{t}, err
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		y, err := classLoss(c, c.In[0])
		return []*graph.Tensor{y}, err
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		dx, dw := classLossGrad(b, n, n.In[0], dy[0])
		return []*graph.Value{dx, nil, dw}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		mean   [2 3] -1 -2 -3 -4 -5 -6  i64[2] 2 0  ->  [] 3.5
		each   reduction="none"  [1 2 2] -1 -2 -3 -4  i64[1 2] 1 0  ->  [1 2] 3 2
		ignore ignore_index=-1  [2 2] -1 -2 -3 -4  i64[2] -1 1  ->  [] 4
		weight  [2 2] -1 -2 -3 -4  i64[2] 0 1  [2] 1 3  ->  [] 3.25
		label  [1 2] -1 -2  i64[1] 2  ->  error "target 2"`,
})
