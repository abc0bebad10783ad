package ops

import "github.com/astronnx/astronnx/graph"

// LSTM is the long short-term memory (Hochreiter and Schmidhuber 1997) with gates in the order input, output, forget, cell, optional
// peepholes P in the order input, output, forget, and input_forget to couple the forget gate to the input gate.
// https://onnx.ai/onnx/operators/onnx__LSTM.html
var _ = define(Op{
	Name: "LSTM", Since: 7,
	Infer: inferRecurrent,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := recurrentOf(c, 4)
		if err != nil {
			return nil, err
		}
		acts, err := activationsOf(c.Node, s.dirs, "Sigmoid", "Tanh", "Tanh")
		if err != nil {
			return nil, err
		}
		coupled := c.Node.Attrs.Bool("input_forget", false)
		peep := func(dir, gate, i int, c float64) float64 {
			if s.p == nil {
				return 0
			}
			return s.p((dir*3+gate)*s.hidden+i) * c
		}
		return s.run(c, func(dir, step, entry int, h, cell []float64) {
			f, g, hf := acts[3*dir], acts[3*dir+1], acts[3*dir+2]
			var sums [4][]float64
			for k := range sums {
				a, b := s.gate(dir, k, step, entry, h)
				for i := range a {
					a[i] += b[i]
				}
				sums[k] = a
			}
			for i := range h {
				in := f.of(s.limit(sums[0][i] + peep(dir, 0, i, cell[i])))
				forget := f.of(s.limit(sums[2][i] + peep(dir, 2, i, cell[i])))
				if coupled {
					forget = 1 - in
				}
				cell[i] = forget*cell[i] + in*g.of(s.limit(sums[3][i]))
				h[i] = f.of(s.limit(sums[1][i]+peep(dir, 1, i, cell[i]))) * hf.of(cell[i])
			}
		})
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		coupled := n.Attrs.Bool("input_forget", false)
		return unroll(b, n, 4, func(u *unrolled, acts []bound, x, h, c *graph.Value) (*graph.Value, *graph.Value) {
			size := hiddenSize(u)
			sums := b.Add(u.fromInput(x), u.fromState(h))
			gate := func(k, peephole int, c *graph.Value, f bound) *graph.Value {
				v := u.gateOf(sums, k, size)
				if u.p != nil && peephole >= 0 {
					v = b.Add(v, b.Mul(u.gateOf(u.p, peephole, size), c))
				}
				return f.node(b, u.limited(v))
			}
			in := gate(0, 0, c, acts[0])
			forget := b.Sub(b.Like(in, 1), in)
			if !coupled {
				forget = gate(2, 2, c, acts[0])
			}
			c = b.Add(b.Mul(forget, c), b.Mul(in, gate(3, -1, nil, acts[1])))
			return b.Mul(gate(1, 1, c, acts[0]), acts[2].node(b, c)), c
		}, "Sigmoid", "Tanh", "Tanh")
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		affine !sized hidden_size=1 activations=["Affine","Affine","Affine"]  [2 1 1] 1 2  [1 4 1] 1 2 0.5 3  [1 4 1] 0*4
			->  [2 1 1 1] 6 60  [1 1 1] 60  [1 1 1] 15
		peep   !sized hidden_size=1 activations=["Affine","Affine","Affine"]  [1 1 1] 1  [1 4 1] 1 1 1 1  [1 4 1] 0 0 0 0  [1 8] 0*8
			_  [1 1 1] 0  [1 1 1] 2  [1 3] 1 0.5 1  ->  [1 1 1 1] 49.5  [1 1 1] 49.5  [1 1 1] 9
		gates  !sized hidden_size=2  [2 1 1] 1 -1  [1 8 1] 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8  [1 8 2] 0.1*16  ->
			[2 1 1 2] 0.1763801872730255 0.2093653380870819 -0.06820252537727356 -0.06614136695861816
			[1 1 2] -0.06820252537727356 -0.06614136695861816  [1 1 2] -0.15808650851249695 -0.16249419748783112`,
})
