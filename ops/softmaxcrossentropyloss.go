package ops

import "github.com/astronnx/astronnx/graph"

// SoftmaxCrossEntropyLoss is the NegativeLogLikelihoodLoss of the log-softmax of scores (N, C, ...) over the classes,
// which is its second output.
// https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html
var _ = define(Op{
	Name: "SoftmaxCrossEntropyLoss", Since: 12,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, err := inferClassLoss(c)
		return []*graph.Type{t, c.Type(0).Clone()}, err
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		if _, _, _, err := imageShape(c.In[0]); err != nil {
			return nil, err
		}
		log, err := floatsAlong(c, c.In[0], 1, logSoftmax)
		if err != nil {
			return nil, err
		}
		y, err := classLoss(c, log)
		return []*graph.Tensor{y, log}, err
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		var log *graph.Value
		if len(n.Out) > 1 {
			log = n.Out[1]
		}
		if log == nil {
			log = b.Op("LogSoftmax", graph.Attrs{"axis": 1}, n.In[0])
		}
		var d, dw *graph.Value
		if dy[0] != nil {
			d, dw = classLossGrad(b, n, log, dy[0])
		}
		switch {
		case len(dy) < 2 || dy[1] == nil:
		case d == nil:
			d = dy[1]
		default:
			d = b.Add(d, dy[1])
		}
		return []*graph.Value{logSoftmaxGrad(b, log, d, b.Ints(1)), nil, dw}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		mean   [2 2] 0 0 1 3  i64[2] 0 1  ->  [] 0.4100376
		each   reduction="none"  [1 2 2] 0 1 0 3  i64[1 2] 1 1  ->  [1 2] 0.6931472 0.126928
		ignore ignore_index=-1 reduction="sum"  [2 2] 0 0 1 3  i64[2] -1 0  ->  [] 2.126928
			[2 2] -0.6931472 -0.6931472 -2.126928 -0.126928
		weight [2 2] 0 0 1 3  i64[2] 0 1  [2] 1 3  ->  [] 0.2684828
		label  [1 2] 1 2  i64[1] -1  ->  error "target -1"`,
})
