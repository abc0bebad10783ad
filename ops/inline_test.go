package ops_test

import (
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Replace must keep the outputs' identity, whether the expansion computes them, passes an input through or gives one value twice.
func TestReplaceKeepsOutputs(t *testing.T) {
	g := &graph.Graph{}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(2)))
	out := []*graph.Value{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	n := graph.NewNode("", "Thrice", nil, []*graph.Value{x}, out)
	after := &graph.Value{Name: "after"}
	g.Append(n, graph.NewNode("", "Neg", nil, []*graph.Value{out[0]}, []*graph.Value{after}))
	g.Outputs = append(out[1:], after)
	b := ops.NewBuilder(g, ops.Standard(), map[string]int64{"": ops.NewestOpset})
	err := b.Replace(n, func() []*graph.Value {
		y := b.Add(b.Op("Neg", nil, x), x)
		return []*graph.Value{y, y, x}
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &graph.Model{IRVersion: 10, Opsets: b.Opsets, Graph: g}
	if err := m.Verify(); err != nil {
		t.Fatal(err)
	}
	if p, _ := out[0].Producer(); p == nil || p.Op != "Add" {
		t.Errorf("a is made by %v want Add", p)
	}
	if p, _ := out[2].Producer(); p == nil || p.Op != "Identity" || p.In[0] != x {
		t.Errorf("c is made by %v want Identity of x", p)
	}
}
