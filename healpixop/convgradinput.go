package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// HealpixConvGradInput(X, W, dY, pixels?) → dX is the adjoint in X of a [HealpixConv] without index and mask: of the gradient dY
// (N, Co, P) of its result it makes that of its maps, (N, Ci, P). Attributes are those of HealpixConv; of X the shape alone counts.
var _ = set.Define(ops.Op{
	Name: "HealpixConvGradInput", Since: 1,
	Infer: func(c *ops.Inference) ([]*graph.Type, error) {
		_, err := convOf(c.Node.Attrs)
		return []*graph.Type{c.Type(0).Clone()}, err
	},
	Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
		return ofConv(b, n, n.In[0], n.In[1], n.In[2], n.Input(3), (*convGrad).input)
	},
	Forward: []string{"nside"},
	Exact:   ops.Rounding,
	Grow:    ops.BySphere,
	Cases: `
		one     nside=1 tap_order="nnhealpix"  [1 1 12] 0*12  [1 1 9] 1 2 3 4 5 6 7 8 9  [1 1 12] 1 0*11
			->  [1 1 12] 1 6 5 4 2 8 0 0 9 0 0 0`,
})
