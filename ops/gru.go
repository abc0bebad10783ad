package ops

import "github.com/astronnx/astronnx/graph"

// GRU is the gated recurrent unit (Cho et al. 2014) with gates in the order update, reset, hidden; linear_before_reset applies the
// reset gate after the product with R.
// https://onnx.ai/onnx/operators/onnx__GRU.html
var _ = define(Op{
	Name: "GRU", Since: 7,
	Infer: inferRecurrent,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := recurrentOf(c, 3)
		if err != nil {
			return nil, err
		}
		acts, err := activationsOf(c.Node, s.dirs, "Sigmoid", "Tanh")
		if err != nil {
			return nil, err
		}
		linear := c.Node.Attrs.Bool("linear_before_reset", false)
		out, err := s.run(c, func(dir, step, entry int, h, _ []float64) {
			f, g := acts[2*dir], acts[2*dir+1]
			zx, zh := s.gate(dir, 0, step, entry, h)
			rx, rh := s.gate(dir, 1, step, entry, h)
			z, r, reset := make([]float64, s.hidden), make([]float64, s.hidden), make([]float64, s.hidden)
			for i := range h {
				z[i], r[i] = f.of(s.limit(zx[i]+zh[i])), f.of(s.limit(rx[i]+rh[i]))
				reset[i] = r[i] * h[i]
			}
			hx, hh := s.gate(dir, 2, step, entry, reset)
			if linear {
				hx, hh = s.gate(dir, 2, step, entry, h)
				for i := range hh {
					hh[i] *= r[i]
				}
			}
			for i := range h {
				h[i] = (1-z[i])*g.of(s.limit(hx[i]+hh[i])) + z[i]*h[i]
			}
		})
		if err != nil {
			return nil, err
		}
		return out[:2], nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		linear := n.Attrs.Bool("linear_before_reset", false)
		return unroll(b, n, 3, func(u *unrolled, acts []bound, x, h, c *graph.Value) (*graph.Value, *graph.Value) {
			size := hiddenSize(u)
			xs, hs := u.fromInput(x), u.fromState(h)
			z := acts[0].node(b, u.limited(b.Add(u.gateOf(xs, 0, size), u.gateOf(hs, 0, size))))
			r := acts[0].node(b, u.limited(b.Add(u.gateOf(xs, 1, size), u.gateOf(hs, 1, size))))
			var state *graph.Value
			if linear {
				state = b.Mul(r, u.gateOf(hs, 2, size))
			} else {
				state = u.gateOf(u.fromState(b.Mul(r, h)), 2, size)
			}
			hidden := acts[1].node(b, u.limited(b.Add(u.gateOf(xs, 2, size), state)))
			return b.Add(b.Mul(b.Sub(b.Like(z, 1), z), hidden), b.Mul(z, h)), c
		}, "Sigmoid", "Tanh")
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		affine !sized hidden_size=1 activations=["Affine","Affine"]  [2 1 1] 1 2  [1 3 1] 0.5 2 3  [1 3 1] 0 0 1
			->  [2 1 1 1] 1.5 1.5  [1 1 1] 1.5
		linear !sized hidden_size=1 activations=["Affine","Affine"] linear_before_reset=1
			[1 1 1] 2  [1 3 1] 0.25 1 1  [1 3 1] 0 0 3  [1 6] 0 0 0 0 0 5  _  [1 1 1] 10  ->  [1 1 1 1] 41
		gates  !sized hidden_size=2  [2 1 1] 1 -1  [1 6 1] 0.1 0.2 0.3 0.4 0.5 0.6  [1 6 2] 0.1*12  ->
			[2 1 1 2] 0.21951527893543243 0.2417614907026291 -0.12250883132219315 -0.1699717491865158
			[1 1 2] -0.12250883132219315 -0.1699717491865158`,
})
