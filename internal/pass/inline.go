package pass

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Inline puts the bodies of the model's own functions in the place of the main graph's calls, so that other passes see their nodes,
// and drops the functions that nobody calls any more.
var Inline = Pass{"inline", func(m *graph.Model, set *ops.Set) (changes []string, err error) {
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	for i := 0; i < len(m.Graph.Nodes); i++ {
		n := m.Graph.Nodes[i]
		if m.Function(n) == nil || set.Find(n.Domain, n.Op, m.Opsets[n.Domain]) != nil {
			continue
		}
		what := label(m.Graph, n)
		done, err := b.Inline(m, n)
		if err != nil {
			e := errs.New(errs.Invalid, "%w", err)
			e.Op, e.Node = n.OpName(), n.Name
			return nil, e
		}
		if done {
			changes = append(changes, what+" replaced by its body")
			i-- // its nodes stand here now
		}
	}
	called := map[*graph.Function]bool{}
	for known := -1; known < len(called); {
		known = len(called)
		for _, g := range reachable(m, called) {
			for _, n := range g.Nodes {
				if f := m.Function(n); f != nil {
					called[f] = true
				}
			}
		}
	}
	m.Functions = slices.DeleteFunc(m.Functions, func(f *graph.Function) bool { return !called[f] })
	return changes, nil
}}

// reachable returns the graphs of m but for the bodies of functions that are not called.
func reachable(m *graph.Model, called map[*graph.Function]bool) []*graph.Graph {
	c := *m
	c.Functions = slices.DeleteFunc(slices.Clone(m.Functions), func(f *graph.Function) bool { return !called[f] })
	return graphs(&c)
}
