package ops

import (
	"fmt"
	"maps"

	"github.com/astronnx/astronnx/graph"
)

// Conv(X, W, B?) → Y is the standard Conv with explicit pads: float32 in a kernel of its own, for weights that change from run to run.
var _ = fused.Define(Op{
	Name: "Conv", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if err := explicitPads(c.Node); err != nil {
			return nil, err
		}
		return inferConv(c)
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		if err := explicitPads(n); err != nil {
			panic(err)
		}
		if s := convSweep(b, n); s != nil {
			return []*graph.Value{s.forward(b, b.Target.stock(), n.In[0], n.In[1], n.Input(2))}
		}
		return []*graph.Value{b.Op("Conv", maps.Clone(n.Attrs), n.In...)}
	},
	Shaped: true,
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		line    strides=[2] pads=[1,0]  [1 1 3] 1 2 3  [1 1 2] 1 10  [1] 100  ->  [1 1 2] 110 132
		plane   pads=[1,1,1,1]  [1 1 2 2] 1 2 3 4  [1 1 3 3] 0 1 0 1 1 1 0 1 0  ->  [1 1 2 2] 6 7 8 9
		groups  group=2 dilations=[2]  [1 2 3] 1..6  [2 1 2] 1 10 100 1000  ->  [1 2 1] 31 6400
		cube    pads=[1,0,0,0,0,0]  [1 1 2 2 2] 1 2 3 4 5 6 7 8  [1 1 2 2 2] 0 0 0 0 1*4  [1] 1  ->  [1 1 2 1 1] 11 27
		auto    auto_pad="SAME_UPPER"  [1 1 3] 1 2 3  [1 1 2] 1 1  ->  error "auto_pad"`,
})

// explicitPads refuses automatic pads, which operators of Fused do not have.
func explicitPads(n *graph.Node) error {
	if auto := n.Attrs.Str("auto_pad", "NOTSET"); auto != "NOTSET" {
		return fmt.Errorf("auto_pad is %q, want explicit pads", auto)
	}
	return nil
}
