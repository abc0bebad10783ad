package graph_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// body is a function of one input whose nodes call the named functions.
func body(calls ...string) *graph.Graph {
	g := &graph.Graph{}
	x := g.NewInput("a", nil)
	for i, name := range calls {
		g.Append(graph.NewNode("f", name, nil, []*graph.Value{x}, []*graph.Value{{Name: fmt.Sprint("v", i)}}))
	}
	return g
}

func fn(name string, calls ...string) *graph.Function {
	return &graph.Function{Domain: "f", Name: name, Body: body(calls...)}
}

// TestVerifyFindsEachBreach breaks a sound model in one way a row.
func TestVerifyFindsEachBreach(t *testing.T) {
	rows := []struct {
		name   string
		breach func(m *graph.Model)
		text   string
	}{
		{"no graph", func(m *graph.Model) { m.Graph = nil }, "no graph"},
		{"nil input", func(m *graph.Model) { m.Graph.Inputs = append(m.Graph.Inputs, nil) }, "input is nil"},
		{"nameless input", func(m *graph.Model) { m.Graph.Inputs[0].Name = "" }, "no name"},
		{"input twice", func(m *graph.Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) }, "taken"},
		{"name twice", func(m *graph.Model) { m.Graph.Nodes[0].Out[0].Name = "w" }, "taken"},
		{"input that is computed", func(m *graph.Model) {
			m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Nodes[0].Out[0])
		}, "output of a node"},
		{"constant that is computed", func(m *graph.Model) {
			v := m.Graph.Nodes[0].Out[0]
			v.Const = graph.Scalar[int8](1)
			m.Graph.Initializers = append(m.Graph.Initializers, v)
		}, "output of a node"},
		{"constant without a value", func(m *graph.Model) { m.Graph.Initializers[0].Const = nil }, "want one of"},
		{"constant that is short", func(m *graph.Model) { m.Graph.Initializers[0].Const.Raw = nil }, "0 bytes"},
		{"broken sparse constant", func(m *graph.Model) {
			m.Graph.Initializers[0].Const, m.Graph.Initializers[0].Sparse = nil, &graph.Sparse{}
		}, "lacks"},
		{"constant twice", func(m *graph.Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) }, "twice"},
		{"nil node", func(m *graph.Model) { m.Graph.Nodes[0] = nil }, "nil"},
		{"node twice", func(m *graph.Model) {
			n := graph.NewNode("", "Nop", nil, nil, nil)
			m.Graph.Append(n, n)
		}, "twice"},
		{"node without operator", func(m *graph.Model) { m.Graph.Nodes[0].Op = "" }, "operator"},
		{"wrong order", func(m *graph.Model) { n := m.Graph.Nodes; n[0], n[2] = n[2], n[0] }, "not defined before"},
		{"foreign value", func(m *graph.Model) { m.Graph.Nodes[0].SetIn(0, &graph.Value{Name: "foreign"}) }, "not defined before"},
		{"use that is not listed", func(m *graph.Model) { m.Graph.Nodes[0].In[0] = m.Graph.Initializers[0] }, "uses"},
		{"use by a node outside", func(m *graph.Model) {
			graph.NewNode("", "Out", nil, []*graph.Value{m.Graph.Inputs[0]}, nil)
		}, "uses"},
		{"use by a node outside in place of one inside", func(m *graph.Model) {
			w := m.Graph.Initializers[0]
			graph.NewNode("", "Out", nil, []*graph.Value{w}, nil)
			n := m.Graph.Nodes[0]
			n.In = append(n.In, w)
		}, "does not read it"},
		{"use listed twice in place of another", func(m *graph.Model) {
			n, x := m.Graph.Nodes[0], m.Graph.Inputs[0]
			n.In = nil
			n.SetIn(0, x)
			n.In = append(n.In, x)
		}, "use twice"},
		{"producer that is not known", func(m *graph.Model) { m.Graph.Nodes[0].Out[0] = &graph.Value{Name: "new"} }, "another producer"},
		{"foreign output", func(m *graph.Model) { m.Graph.Outputs[0] = &graph.Value{Name: "y"} }, "output 0"},
		{"nil output", func(m *graph.Model) { m.Graph.Outputs[0] = nil }, "output 0"},
		{"attribute of no kind", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = 1 }, "a int is no attribute"},
		{"broken tensor", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = &graph.Tensor{} }, "attribute a"},
		{"nil tensor", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = []*graph.Tensor{nil} }, "element 0"},
		{"broken sparse tensor", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = &graph.Sparse{} }, "lacks"},
		{"broken sparse tensors", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = []*graph.Sparse{nil} }, "lacks"},
		{"reference outside a function", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = graph.AttrRef{Name: "b"} }, "outside a function"},
		{"nil subgraph", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = (*graph.Graph)(nil) }, "nil"},
		{"graph inside itself", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = m.Graph }, "occurs twice"},
		{"subgraph twice", func(m *graph.Model) {
			s := &graph.Graph{}
			m.Graph.Nodes[0].Attrs["a"] = []*graph.Graph{s, s}
		}, "occurs twice"},
		{"broken subgraph", func(m *graph.Model) { m.Graph.Nodes[0].Attrs["a"] = &graph.Graph{Outputs: []*graph.Value{nil}} }, "output 0"},
		{"subgraph reads a later value", func(m *graph.Model) {
			s := &graph.Graph{}
			apply(s, "Neg", "s", nil, m.Graph.Outputs[0])
			m.Graph.Nodes[0].Attrs["a"] = s
		}, "not defined before"},
		{"graph reads a subgraph's value", func(m *graph.Model) {
			s := &graph.Graph{}
			v := apply(s, "Const", "s", nil)
			apply(m.Graph, "If", "z", graph.Attrs{"a": s})
			apply(m.Graph, "Neg", "n", nil, v)
		}, "uses"},
		{"nameless function", func(m *graph.Model) { m.Functions = []*graph.Function{fn("")} }, "no name"},
		{"function twice", func(m *graph.Model) { m.Functions = []*graph.Function{fn("f"), fn("f")} }, "defined twice"},
		{"function without body", func(m *graph.Model) { m.Functions = []*graph.Function{{Name: "f"}} }, "no body"},
		{"function attribute twice", func(m *graph.Model) {
			f := fn("f")
			f.Attrs, f.Defaults = []string{"a"}, graph.Attrs{"a": int64(1)}
			m.Functions = []*graph.Function{f}
		}, "both required"},
		{"broken default", func(m *graph.Model) {
			f := fn("f")
			f.Defaults = graph.Attrs{"a": 1}
			m.Functions = []*graph.Function{f}
		}, "no attribute"},
		{"function reads the graph", func(m *graph.Model) {
			f := fn("f")
			apply(f.Body, "Neg", "n", nil, m.Graph.Inputs[0])
			m.Functions = []*graph.Function{f}
		}, "uses"},
		{"function calls itself", func(m *graph.Model) { m.Functions = []*graph.Function{fn("f", "f")} }, "calls itself"},
		{"functions in a circle", func(m *graph.Model) { m.Functions = []*graph.Function{fn("f", "g"), fn("g", "h"), fn("h", "f")} }, "calls itself"},
		{"training reads what is nowhere", func(m *graph.Model) {
			s := &graph.Graph{}
			apply(s, "Neg", "s", nil, &graph.Value{Name: "nowhere"})
			m.Training = []*graph.Training{{Algorithm: s}}
		}, "training step 0"},
	}
	for _, r := range rows {
		m := model(diamond())
		if err := m.Verify(); err != nil {
			t.Fatal(err)
		}
		r.breach(m)
		if err := m.Verify(); err == nil || !strings.Contains(err.Error(), r.text) {
			t.Errorf("%s: got %v, want the words %q", r.name, err, r.text)
		}
	}
}

// TestVerifyAcceptsWhatIsAllowed is the other side: shadowed names, defaults of inputs, outputs that are inputs or outer values,
// training over the main graph, references inside functions.
func TestVerifyAcceptsWhatIsAllowed(t *testing.T) {
	g := diamond()
	x := g.Input("x")
	g.Inputs = append(g.Inputs, g.Initializers[0])
	g.Outputs = append(g.Outputs, x, x)
	sub := &graph.Graph{}
	sub.Outputs = append(sub.Outputs, apply(sub, "Neg", "x", nil, x), x)
	apply(g, "If", "z", graph.Attrs{"then_branch": sub})
	step := &graph.Graph{}
	apply(step, "Neg", "a", nil, g.Initializers[0])
	f := fn("f")
	apply(f.Body, "Elu", "e", graph.Attrs{"alpha": graph.AttrRef{Name: "alpha", Kind: graph.FloatAttr}}, f.Body.Inputs[0])
	m := model(g)
	m.Functions = []*graph.Function{f, {Domain: "f", Name: "f", Overload: "2", Body: body()}}
	m.Training = []*graph.Training{{Algorithm: step}}
	if err := m.Verify(); err != nil {
		t.Error(err)
	}
}

func TestInlinedNodes(t *testing.T) {
	m := model(diamond())
	m.Functions = []*graph.Function{fn("a", "b", "b"), fn("b", "c", "leaf"), fn("c", "leaf", "leaf", "leaf")}
	x := m.Graph.Input("x")
	m.Graph.Append(graph.NewNode("f", "a", nil, []*graph.Value{x}, []*graph.Value{{Name: "z"}}))
	if n, err := m.InlinedNodes(); err != nil || n != 3+2*(3+1) {
		t.Errorf("got %d (%v) want 11", n, err)
	}
	if f := m.Function(m.Graph.Nodes[3]); f != m.Functions[0] || m.Function(m.Graph.Nodes[0]) != nil {
		t.Errorf("the call leads to %v", f)
	}
	chain := func(n, times int) *graph.Model {
		m := model(diamond())
		for i := range n {
			f := fn(fmt.Sprint(i))
			for k := range times {
				f.Body.Append(graph.NewNode("f", fmt.Sprint(i+1), nil, nil, []*graph.Value{{Name: fmt.Sprint("o", k)}}))
			}
			m.Functions = append(m.Functions, f)
		}
		m.Graph.Append(graph.NewNode("f", "0", nil, nil, nil))
		return m
	}
	if n, err := chain(100, 2).InlinedNodes(); err != nil || n != math.MaxInt64 {
		t.Errorf("2^100 nodes: got %d (%v)", n, err)
	}
	joined := chain(200, 1) // called first, and then from the end of another chain
	for i := range 100 {
		next := fmt.Sprint("b", i+1)
		if i == 99 {
			next = "0"
		}
		joined.Functions = append(joined.Functions, fn(fmt.Sprint("b", i), next))
	}
	joined.Graph.Append(graph.NewNode("f", "b0", nil, nil, nil))
	if _, err := joined.InlinedNodes(); !errors.Is(err, errs.Limit) {
		t.Errorf("two chains joined: got %v, want a limit error", err)
	}
	if n, err := chain(graph.MaxCallDepth, 1).InlinedNodes(); err != nil || n != 4 {
		t.Errorf("%d deep: got %d (%v)", graph.MaxCallDepth, n, err)
	}
	if _, err := chain(graph.MaxCallDepth+1, 1).InlinedNodes(); !errors.Is(err, errs.Limit) {
		t.Errorf("deeper: got %v, want a limit error", err)
	}
}
