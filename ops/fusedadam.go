package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Adam(p, g, m, v, rate, epsilon, keep?) → p', m', v' is one step of Adam (Kingma and Ba 2015) for one tensor, its gradient and its
// two averages, all of one shape:
//
//	m' = m + share1·(g - m)    v' = v + share2·(g² - v)    p' = keep·p - rate·m'/(√v' + epsilon)
//
// Rate, epsilon and keep have the shape (1). They come from the caller for each step t: rate is the learning rate times
// √(1 - β2^t)/(1 - β1^t), epsilon is Adam's times √(1 - β2^t), and keep is 1 less the learning rate times a decoupled decay
// (Loshchilov and Hutter 2019), 1 if absent. The attributes are share1 = 1 - β1 and share2 = 1 - β2, for a β in float32 would leave few
// digits of these. Outputs may stand in the memory of p, m and v.
var _ = fused.Define(Op{
	Name: "Adam", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0)
		for i := 1; i < 4; i++ {
			var err error
			if t, err = MergeTypes(t, c.Type(i)); err != nil {
				return nil, fmt.Errorf("the tensor, its gradient and its averages differ: %w", err)
			}
		}
		for i := 4; i < len(c.In); i++ {
			if s := c.Type(i); s.Rank() > 1 || s.Rank() == 1 && s.Shape[0].Known() && s.Shape[0].Size != 1 {
				return nil, fmt.Errorf("input %d is %s, want the shape (1)", i, s)
			}
		}
		return []*graph.Type{t.Clone(), t.Clone(), t.Clone()}, nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		p, g, m, v, rate, epsilon := n.In[0], n.In[1], n.In[2], n.In[3], n.In[4], n.In[5]
		towards := func(average, x *graph.Value, share string, def float32) *graph.Value {
			part := b.Op("CastLike", nil, b.Float(graph.Float64, float64(n.Attrs.Float(share, def))), average) // one body for all types
			return b.Add(average, b.Mul(part, b.Sub(x, average)))
		}
		m, v = towards(m, g, "share1", 0.1), towards(v, b.Mul(g, g), "share2", 0.001)
		step := b.Div(b.Mul(rate, m), b.Add(b.Op("Sqrt", nil, v), epsilon))
		if keep := n.Input(6); keep != nil {
			p = b.Mul(keep, p)
		}
		return []*graph.Value{b.Sub(p, step), m, v}
	},
	Exact: Rounding,
	Cases: `
		step  share1=0.5 share2=0.25  [3] 1 2 -1  [3] 2 -4 0  [3] 0 2 1  [3] 0 4 4  [1] 0.5  [1] 1.0
			->  [3] 0.75 2.1371459 -1.0915064  [3] 1 -1 0.5  [3] 1 7 3
		decay share1=0.5 share2=0.25  [2] 1 2  [2] 2 2  [2] 0 0  [2] 0 0  [1] 0.5  [1] 1.0  [1] 0.5
			->  [2] 0.25 0.75  [2] 1 1  [2] 1 1`,
})
