package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// HealpixPoolGrad(X, dY) → dX is the adjoint of a [HealpixPool] of mode max or avg by factor 2 over a full sky: of the gradient dY
// (N, C, P/4) of its result it makes that of its maps X (N, C, P), for max all of it for the first of equal children, for avg a quarter
// for each. Where activation is "Relu", X is what a Relu before the pool reads or gives, and dX the gradient of what it reads. Attributes
// are nside, order and mode, as HealpixPool has them, and activation.
var _ = set.Define(ops.Op{
	Name: "HealpixPoolGrad", Since: 1,
	Infer: func(c *ops.Inference) ([]*graph.Type, error) {
		_, _, err := poolGradModes(c.Node.Attrs)
		return []*graph.Type{c.Type(0).Clone()}, err
	},
	Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
		mode, activation, err := poolGradModes(n.Attrs)
		if err != nil {
			panic("healpixop: " + err.Error())
		}
		x, relu := n.In[0], activation == "Relu"
		up := graph.Attrs{"nside": n.Attrs.Int("nside", 0) / 2, "order": n.Attrs.Str("order", "NEST")}
		var indices *graph.Value
		if mode == "avg" {
			up["power"] = -2.0
		} else {
			y := x
			if relu {
				y = b.Op("Relu", nil, x)
			}
			up["mode"] = "unpool"
			indices = b.OpN(2, Domain+":HealpixPool", graph.Attrs{"nside": n.Attrs["nside"], "order": up["order"]}, y)[1]
		}
		dx := b.Op(Domain+":HealpixUpsample", up, n.In[1], indices)
		if relu {
			zero := b.Op("CastLike", nil, b.Float(graph.Float32, 0), x)
			dx = b.Where(b.Op("Greater", nil, x, zero), dx, zero)
		}
		return []*graph.Value{dx}
	},
	Exact: ops.Bitwise,
	Grow:  ops.BySphere,
	Cases: `
		plain  !kink nside=2  [1 1 48] 1 3 3 2  -1 -2 -3 -4  4*40  [1 1 12] 1..12
			->  [1 1 48] 0 1 0 0  2 0 0 0  3 0 0 0  4 0 0 0  5 0 0 0  6 0 0 0  7 0 0 0  8 0 0 0  9 0 0 0  10 0 0 0  11 0 0 0  12 0 0 0
		relu   !kink nside=2 activation="Relu"  [1 1 48] 1 3 3 2  -1 -2 -3 -4  4*40  [1 1 12] 1..12
			->  [1 1 48] 0 1 0 0  0 0 0 0  3 0 0 0  4 0 0 0  5 0 0 0  6 0 0 0  7 0 0 0  8 0 0 0  9 0 0 0  10 0 0 0  11 0 0 0  12 0 0 0
		mean   nside=2 mode="avg"  [1 1 48] 1..48  [1 1 12] 4 8 0*10
			->  [1 1 48] 1 1 1 1 2 2 2 2 0*40
		relu-mean  !kink nside=2 mode="avg" activation="Relu"  [1 1 48] 1 -1 0 2  1*44  [1 1 12] 4 8 0*10
			->  [1 1 48] 1 0 0 1 2 2 2 2 0*40
		mode   nside=2 mode="sum"  [1 1 48] 0..47  [1 1 12] 0..11  ->  error "sum"
		other  nside=2 activation="Tanh"  [1 1 48] 0..47  [1 1 12] 0..11  ->  error "Tanh"`,
})

func poolGradModes(a graph.Attrs) (mode, activation string, err error) {
	if activation, err = oneOf(a, "activation", "", "Relu"); err == nil {
		mode, err = oneOf(a, "mode", "max", "avg")
	}
	return mode, activation, err
}
