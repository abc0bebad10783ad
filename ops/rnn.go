package ops

import "github.com/astronnx/astronnx/graph"

// RNN is the simple recurrence h = f(W·x + R·h + B).
// https://onnx.ai/onnx/operators/onnx__RNN.html
var _ = define(Op{
	Name: "RNN", Since: 7,
	Infer: inferRecurrent,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := recurrentOf(c, 1)
		if err != nil {
			return nil, err
		}
		acts, err := activationsOf(c.Node, s.dirs, "Tanh")
		if err != nil {
			return nil, err
		}
		out, err := s.run(c, func(dir, step, entry int, h, _ []float64) {
			a, b := s.gate(dir, 0, step, entry, h)
			for i := range h {
				h[i] = acts[dir].of(s.limit(a[i] + b[i]))
			}
		})
		if err != nil {
			return nil, err
		}
		return out[:2], nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		return unroll(b, n, 1, func(u *unrolled, acts []bound, x, h, c *graph.Value) (*graph.Value, *graph.Value) {
			return acts[0].node(b, u.limited(b.Add(u.fromInput(x), u.fromState(h)))), c
		}, "Tanh")
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		two  !sized hidden_size=1 activations=["Relu"]  [2 1 1] 1 2  [1 1 1] 3  [1 1 1] 10  [1 2] 1 2  ->  [2 1 1 1] 6 69  [1 1 1] 69
		back !sized hidden_size=1 activations=["Relu"] direction="reverse"  [2 1 1] 1 2  [1 1 1] 3  [1 1 1] 10
			->  [2 1 1 1] 63 6  [1 1 1] 63
		tanh !sized hidden_size=1  [1 1 1] 0.5  [1 1 1] 1  [1 1 1] 1  ->  [1 1 1 1] 0.46211715726000973`,
})
