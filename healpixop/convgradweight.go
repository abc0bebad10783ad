package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// HealpixConvGradWeight(X, dY, pixels?) → dW is the adjoint in W of a [HealpixConv] without index and mask: of its maps X (N, Ci, P) and
// the gradient dY (N, Co, P) of its result it makes that of its weights, (Co, Ci, 9). Attributes are those of HealpixConv.
var _ = set.Define(ops.Op{
	Name: "HealpixConvGradWeight", Since: 1,
	Infer: func(c *ops.Inference) ([]*graph.Type, error) {
		if _, err := convOf(c.Node.Attrs); err != nil {
			return nil, err
		}
		x, dy := c.Type(0), c.Type(1)
		if x.Rank() != 3 || dy.Rank() != 3 {
			return []*graph.Type{nil}, nil
		}
		t := x.Clone()
		t.Shape = []graph.Dim{dy.Shape[1], x.Shape[1], graph.D(taps)}
		return []*graph.Type{t}, nil
	},
	Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
		return ofConv(b, n, n.In[0], nil, n.In[1], n.Input(2), (*convGrad).weight)
	},
	Forward: []string{"nside"},
	Exact:   ops.Rounding,
	Grow:    ops.BySphere,
	Cases: `
		one     nside=1 tap_order="nnhealpix"  [1 1 12] 10..21  [1 1 12] 1 0*11  ->  [1 1 9] 10 14 0 13 12 11 0 15 18`,
})
