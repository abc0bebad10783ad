package graph_test

import (
	"testing"

	"github.com/astronnx/astronnx/graph"
)

func TestCloneIsEqualAndApart(t *testing.T) {
	build := func() *graph.Model {
		m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: &graph.Graph{Name: "g"}}
		x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.D(2)))
		w := m.Graph.NewConst("w", graph.Vector[float32](1, 2))
		y := &graph.Value{Name: "y"}
		branch := func() *graph.Graph {
			g, z := &graph.Graph{Name: "inner"}, &graph.Value{Name: "z"}
			g.Append(graph.NewNode("", "Mul", nil, []*graph.Value{x, w}, []*graph.Value{z})) // reads the outer graph
			g.Outputs = []*graph.Value{z}
			return g
		}
		m.Graph.Append(graph.NewNode("", "If", graph.Attrs{"then_branch": branch(), "else_branch": branch()}, []*graph.Value{x}, []*graph.Value{y}))
		m.Graph.Outputs = []*graph.Value{y}
		return m
	}
	m := build()
	c := m.Clone()
	if d := graph.Diff(m, c); len(d) > 0 {
		t.Fatal(d)
	}
	c.Graph.Nodes[0].Attrs["else_branch"].(*graph.Graph).Nodes[0].SetIn(1, c.Graph.Inputs[0])
	c.Graph.Nodes[0].Name = "changed"
	c.Opsets[""] = 21
	c.Graph.Initializers[0].Name = "v"
	if d := graph.Diff(build(), m); len(d) > 0 {
		t.Errorf("an edit of the clone reached the original: %v", d)
	}
	if n := len(m.Graph.Initializers[0].Uses()); n != 2 {
		t.Errorf("the original's constant has %d uses want 2", n)
	}
}
