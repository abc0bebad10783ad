package ops_test

import (
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// affine is a set with one composite, Affine: x·scale + b?, where b is optional, and one that calls it.
func affine() *ops.Set {
	set := ops.NewSet("test")
	set.Define(ops.Op{
		Name: "Affine", Since: 1, Forward: []string{"scale"},
		Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
			scale := &graph.Value{Name: b.Name("scale")}
			b.Graph.Append(graph.NewNode("", "Constant", graph.Attrs{"value_float": n.Attrs["scale"]}, nil, []*graph.Value{scale}))
			y := b.Op("Mul", nil, n.In[0], scale)
			if n.Input(1) != nil {
				y = b.Op("Add", nil, y, n.In[1])
			}
			return []*graph.Value{y}
		},
	})
	set.Define(ops.Op{
		Name: "Twice", Since: 1, Forward: []string{"scale"},
		Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
			a := graph.Attrs{"scale": n.Attrs["scale"]}
			return []*graph.Value{b.Op("test:Affine", a, b.Op("test:Affine", a, n.In[0]))}
		},
	})
	return set
}

// chain is a model of x → Affine(2) → Affine(3) → Affine(4, with b) → Twice(5).
func chain(set *ops.Set) *graph.Model {
	m := &graph.Model{Graph: &graph.Graph{Name: "g"}, Opsets: map[string]int64{"": 18, "test": 1}}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.D(2)))
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	y := b.Op("test:Affine", graph.Attrs{"scale": float32(2)}, x)
	y = b.Op("test:Affine", graph.Attrs{"scale": float32(3)}, y)
	y = b.Op("test:Affine", graph.Attrs{"scale": float32(4)}, y, x)
	y = b.Op("test:Twice", graph.Attrs{"scale": float32(5)}, y)
	m.Graph.Outputs = []*graph.Value{y}
	return m
}

func nodeOps(m *graph.Model) []string {
	var names []string
	for _, n := range m.Graph.Nodes {
		names = append(names, n.Op)
	}
	return names
}

func TestAttachBodiesSharesByStyle(t *testing.T) {
	set := affine()
	m := chain(set)
	if err := ops.AttachBodies(m, set); err != nil {
		t.Fatal(err)
	}
	got := nodeOps(m)
	if got[0] != "Affine" || got[1] != "Affine" || got[3] != "Twice" {
		t.Errorf("nodes are %q: want the first style under the operator's own name, whatever a forwarded attribute says", got)
	}
	if got[2] == "Affine" || m.Function(m.Graph.Nodes[2]) == nil {
		t.Errorf("node with another input is %q: want a function of its own", got[2])
	}
	if len(m.Functions) != 3 {
		t.Errorf("got %d functions want 3", len(m.Functions))
	}
	if f := m.Function(m.Graph.Nodes[3]); f.Opsets["test"] != 1 || m.Function(f.Body.Nodes[0]) == nil {
		t.Errorf("the body of Twice calls %q: want an imported operator with a body", f.Body.Nodes[0].OpName())
	}
	if err := m.Verify(); err != nil {
		t.Error(err)
	}

	ops.DetachBodies(m, set)
	if got := nodeOps(m); !slices.Equal(got, nodeOps(chain(set))) || len(m.Functions) != 0 {
		t.Errorf("after DetachBodies: nodes %q and %d functions", got, len(m.Functions))
	}
}

func TestAttachBodiesExcept(t *testing.T) {
	set := affine()
	m := chain(set)
	if err := ops.AttachBodiesExcept(m, set, func(n *graph.Node) bool { return n.Op == "Affine" && n.Input(1) != nil }); err != nil {
		t.Fatal(err)
	}
	for i, n := range m.Graph.Nodes {
		if native := i == 2; (m.Function(n) == nil) != native || native != (n.Op == "Affine") {
			t.Errorf("node %d is %s: want a kernel's own name for node 2 and functions for the others", i, n.Op)
		}
	}
	for _, f := range m.Functions {
		if f.Name == "Affine" {
			t.Error("a function has the name of the kernel")
		}
	}
	if err := m.Verify(); err != nil {
		t.Error(err)
	}
}

func TestAttachBodiesNeedsOpset(t *testing.T) {
	m := chain(affine())
	m.Opsets[""] = 17
	if err := ops.AttachBodies(m, affine()); err == nil {
		t.Error("got no error for opset 17")
	}
}
