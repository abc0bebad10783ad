//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"os"
	"strconv"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/testkit"
)

// model wraps a graph that build fills.
func model(build func(g *graph.Graph)) *graph.Model {
	g := &graph.Graph{Name: "test"}
	build(g)
	return &graph.Model{IRVersion: 9, Opsets: map[string]int64{"": 20}, Graph: g}
}

// node adds a node with one output of unknown type and returns it.
func node(g *graph.Graph, op string, attrs graph.Attrs, in ...*graph.Value) *graph.Value {
	y := &graph.Value{Name: g.Name + "_" + op + string(rune('a'+len(g.Nodes)))}
	n := graph.NewNode("", op, attrs, in, []*graph.Value{y})
	n.Name = "node_" + op
	if len(g.Nodes) > 0 {
		n.Name += strconv.Itoa(len(g.Nodes))
	}
	g.Append(n)
	return y
}

func addOutput(g *graph.Graph, v *graph.Value, name string, t *graph.Type) {
	v.Name, v.Type = name, t
	g.Outputs = append(g.Outputs, v)
}

// oneNode is a model of one operator on inputs of the given types.
func oneNode(op string, attrs graph.Attrs, out *graph.Type, in ...*graph.Type) *graph.Model {
	return model(func(g *graph.Graph) {
		var vs []*graph.Value
		for i, t := range in {
			vs = append(vs, g.NewInput(string(rune('x'+i)), t))
		}
		addOutput(g, node(g, op, attrs, vs...), "out", out)
	})
}

func compile(t testing.TB, m *graph.Model, o engine.Options) engine.Plan {
	t.Helper()
	o.Library = testkit.ORT(t)
	if o.Threads == 0 {
		o.Threads = 1
	}
	p, err := Engine.Compile(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t testing.TB, p engine.Plan, in ...*graph.Tensor) []*graph.Tensor {
	t.Helper()
	out := make([]*graph.Tensor, len(p.Outputs()))
	if err := p.Run(t.Context(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// cases returns how many random cases to try: ASTRONNX_CASES, or few.
func cases(t *testing.T, few int) int {
	t.Helper()
	s := os.Getenv("ASTRONNX_CASES")
	if s == "" {
		return few
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("ASTRONNX_CASES: %v", err)
	}
	return n
}
