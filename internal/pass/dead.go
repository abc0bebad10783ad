package pass

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Dead removes nodes and constants whose values nobody reads.
var Dead = Pass{"dead", func(m *graph.Model, _ *ops.Set) ([]string, error) {
	for removed := true; removed; {
		removed = false
		out := outputs(m)
		unread := func(v *graph.Value) bool { return v == nil || len(v.Uses()) == 0 && !out[v] }
		for _, g := range graphs(m) {
			for _, n := range slices.Backward(slices.Clone(g.Nodes)) {
				if !slices.ContainsFunc(n.Out, func(v *graph.Value) bool { return !unread(v) }) {
					detach(n)
					g.Remove(n)
					removed = true
				}
			}
			g.Initializers = slices.DeleteFunc(g.Initializers, func(v *graph.Value) bool {
				return unread(v) && !slices.Contains(g.Inputs, v)
			})
		}
	}
	return nil, nil
}}

// detach takes the nodes of n's subgraphs out of the uses of values around them.
func detach(n *graph.Node) {
	n.Attrs.Subgraphs(func(s *graph.Graph) bool {
		return s.Walk(func(_ *graph.Graph, inner *graph.Node) bool {
			cut(inner, 0)
			return true
		})
	})
}
