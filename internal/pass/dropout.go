package pass

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Dropout makes Dropout nodes pass their input on, whatever their mode: Identity, or a node out of training where the mask, then all
// true, is read. An input of the model that only chose the mode or the ratio goes too.
var Dropout = Pass{"dropout", func(m *graph.Model, _ *ops.Set) (changes []string, err error) {
	out := outputs(m)
	for _, g := range graphs(m) {
		for _, n := range find(g, "Dropout") {
			control := slices.Clone(n.In[min(1, len(n.In)):])
			cut(n, 1)
			g.Inputs = slices.DeleteFunc(g.Inputs, func(v *graph.Value) bool {
				return g == m.Graph && slices.Contains(control, v) && len(v.Uses()) == 0 && !out[v]
			})
			changes = append(changes, label(g, n)+" taken away")
			if len(n.Out) > 1 && n.Out[1] != nil && (len(n.Out[1].Uses()) > 0 || out[n.Out[1]]) {
				continue
			}
			cutOut(n, 1)
			n.Op, n.Attrs = "Identity", graph.Attrs{}
		}
	}
	return changes, nil
}}
