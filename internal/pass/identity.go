package pass

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Identity takes Identity nodes away. One that makes an output of a graph goes if the node before it can make that output instead;
// outputs keep their names.
var Identity = Pass{"identity", func(m *graph.Model, _ *ops.Set) (changes []string, err error) {
	out := outputs(m)
	for _, g := range graphs(m) {
		for _, n := range find(g, "Identity") {
			x, y := n.In[0], n.Out[0]
			if out[y] {
				p, k := x.Producer()
				if p == nil || out[x] || !slices.Contains(g.Nodes, p) {
					continue
				}
				n.SetOut(0, nil)
				p.SetOut(k, y)
				for _, u := range slices.Clone(x.Uses()) {
					u.Node.SetIn(u.Index, y)
				}
				if y.Type == nil {
					y.Type = x.Type
				}
			} else {
				g.ReplaceUses(y, x)
			}
			g.Remove(n)
		}
	}
	return nil, nil
}}
