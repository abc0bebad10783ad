package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/astronnx/astronnx/graph"
)

// apply appends a node with one output of the given name.
func apply(g *graph.Graph, op, out string, attrs graph.Attrs, in ...*graph.Value) *graph.Value {
	v := &graph.Value{Name: out}
	g.Append(graph.NewNode("", op, attrs, in, []*graph.Value{v}))
	return v
}

// diamond is y = Add(Neg(x), Abs(x)) with an unused constant.
func diamond() *graph.Graph {
	g := &graph.Graph{Name: "diamond"}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N")))
	g.NewConst("w", graph.Vector[float32](1, 2))
	y := apply(g, "Add", "y", nil, apply(g, "Neg", "a", nil, x), apply(g, "Abs", "b", nil, x))
	g.Outputs = append(g.Outputs, y)
	return g
}

func model(g *graph.Graph) *graph.Model {
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestChains(t *testing.T) {
	g := diamond()
	x := g.Input("x")
	neg := g.Nodes[0]
	if n, i := neg.Out[0].Producer(); n != neg || i != 0 {
		t.Errorf("producer %v %d", n, i)
	}
	if n, _ := x.Producer(); n != nil {
		t.Errorf("an input has the producer %v", n)
	}
	if want := []graph.Use{{neg, 0}, {g.Nodes[1], 0}}; !slices.Equal(x.Uses(), want) {
		t.Errorf("uses %v want %v", x.Uses(), want)
	}
	if neg.Input(0) != x || neg.Input(5) != nil || g.Output("y") == nil || g.Output("z") != nil {
		t.Error("look-up by place or name fails")
	}
	w := g.Initializers[0]
	g.ReplaceUses(x, w)
	g.ReplaceUses(g.Output("y"), neg.Out[0])
	if len(x.Uses()) != 0 || len(w.Uses()) != 2 || g.Outputs[0] != neg.Out[0] {
		t.Errorf("after replacing: %d uses of x, %d of w, output %s", len(x.Uses()), len(w.Uses()), g.Outputs[0].Name)
	}
	g.Remove(g.Nodes[2])
	g.Remove(g.Nodes[1])
	if err := g.Verify(); err != nil || len(g.Nodes) != 1 || len(w.Uses()) != 1 {
		t.Errorf("after removing: %v, %d nodes", err, len(g.Nodes))
	}
}

func TestMisusePanics(t *testing.T) {
	g := diamond()
	for name, f := range map[string]func(){
		"a second producer":              func() { graph.NewNode("", "A", nil, nil, []*graph.Value{g.Outputs[0]}) },
		"removing what is read":          func() { g.Remove(g.Nodes[0]) },
		"removing what makes the output": func() { g.Remove(g.Nodes[2]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestSetInAndOutAppend(t *testing.T) {
	n := graph.NewNode("d", "Op", nil, nil, nil)
	v, w := &graph.Value{Name: "v"}, &graph.Value{Name: "w"}
	n.SetIn(0, v)
	n.SetIn(1, v)
	n.SetIn(0, nil)
	if want := []graph.Use{{n, 1}}; !slices.Equal(v.Uses(), want) {
		t.Errorf("uses %v want %v", v.Uses(), want)
	}
	n.SetOut(0, w)
	n.SetOut(0, w)
	n.SetOut(1, nil)
	n.SetOut(0, nil)
	if p, _ := w.Producer(); p != nil || len(n.Out) != 2 || n.OpName() != "d:Op" {
		t.Errorf("producer %v, %d outputs, name %s", p, len(n.Out), n.OpName())
	}
}

// TestChainsUnderEdits edits a graph at random through the API and wants Verify to hold after each step.
func TestChainsUnderEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &graph.Graph{}
		values := []*graph.Value{g.NewInput("x", nil), g.NewConst("w", graph.Scalar[int8](1))}
		for i := range rapid.IntRange(1, 8).Draw(t, "nodes") {
			in := make([]*graph.Value, rapid.IntRange(0, 4).Draw(t, "arity"))
			for k := range in {
				in[k] = rapid.SampledFrom(append(values[:len(values):len(values)], nil)).Draw(t, "in")
			}
			values = append(values, apply(g, "Op", fmt.Sprint("v", i), nil, in...))
		}
		for range rapid.IntRange(0, 20).Draw(t, "edits") {
			i := rapid.IntRange(0, len(g.Nodes)-1).Draw(t, "node")
			n := g.Nodes[i]
			reach := append(values[:2:2], nil) // inputs, nothing, and outputs of earlier nodes
			for _, m := range g.Nodes[:i] {
				reach = append(reach, m.Out[0])
			}
			v := rapid.SampledFrom(reach).Draw(t, "value")
			switch rapid.IntRange(0, 2).Draw(t, "edit") {
			case 0:
				n.SetIn(rapid.IntRange(0, len(n.In)).Draw(t, "at"), v)
			case 1:
				if v != nil {
					g.ReplaceUses(n.Out[0], v)
				}
			case 2:
				if len(n.Out[0].Uses()) == 0 && len(g.Nodes) > 1 {
					g.Remove(n)
				}
			}
			if err := g.Verify(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSort(t *testing.T) {
	g := diamond()
	sorted := slices.Clone(g.Nodes)
	if err := g.Sort(); err != nil || !slices.Equal(g.Nodes, sorted) {
		t.Errorf("a sorted graph changed (%v)", err)
	}
	sub := &graph.Graph{}
	sub.Outputs = append(sub.Outputs, apply(sub, "Neg", "inner", nil, g.Output("y")))
	apply(g, "If", "z", graph.Attrs{"then_branch": sub, "else_branch": &graph.Graph{Outputs: []*graph.Value{g.Nodes[0].Out[0]}}})
	want := slices.Clone(g.Nodes)
	slices.Reverse(g.Nodes)
	if g.Verify() == nil {
		t.Fatal("a reversed graph verifies")
	}
	if err := g.Sort(); err != nil || g.Verify() != nil {
		t.Errorf("%v, then %v", err, g.Verify())
	}
	if g.Nodes[3] != want[3] || g.Nodes[2] != want[2] {
		t.Error("a node stands before what its subgraph reads")
	}
	loose := &graph.Graph{}
	a := apply(loose, "Neg", "a", nil)
	apply(loose, "If", "b", graph.Attrs{"then_branch": &graph.Graph{Outputs: []*graph.Value{a}}})
	slices.Reverse(loose.Nodes)
	if err := loose.Sort(); err != nil || loose.Nodes[0].Op != "Neg" {
		t.Errorf("a node stands before what its subgraph hands out (%v)", err)
	}
	before := slices.Clone(g.Nodes)
	want[0].SetIn(0, want[2].Out[0])
	if err := g.Sort(); err == nil || !slices.Equal(g.Nodes, before) {
		t.Errorf("a cycle: %v", err)
	}
}

func TestAttrs(t *testing.T) {
	tensor, sub := graph.Scalar[int8](1), &graph.Graph{}
	n := graph.NewNode("", "Op", graph.Attrs{
		"i": 3, "b": true, "off": false, "f": 0.5, "is": []int{1, 2}, "s": "x", "d": graph.Int8, "t": tensor, "g": sub,
		"gs": []*graph.Graph{sub, sub}, "fs": []float32{1}, "ss": []string{"y"},
	}, nil, nil)
	a := n.Attrs
	if a.Int("i", 0) != 3 || !a.Bool("b", false) || a.Bool("off", true) || a.Float("f", 0) != 0.5 || a.Str("s", "") != "x" ||
		a.Int("d", 0) != int64(graph.Int8) || !slices.Equal(a.Ints("is", nil), []int64{1, 2}) || a.Tensor("t") != tensor ||
		a.Graph("g") != sub || !slices.Equal(a.Floats("fs", nil), []float32{1}) || !slices.Equal(a.Strs("ss", nil), []string{"y"}) {
		t.Errorf("attributes %v", a)
	}
	if a.Int("s", 7) != 7 || a.Int("none", 7) != 7 || !a.Bool("none", true) || a.Tensor("i") != nil || a.Graph("i") != nil || a.Has("none") {
		t.Error("absent or of another kind, and no default")
	}
	var got []string
	a.Subgraphs(func(*graph.Graph) bool { got = append(got, ""); return len(got) < 2 })
	if len(got) != 2 {
		t.Errorf("%d subgraphs visited, want to stop at 2", len(got))
	}
	for v, want := range map[any]graph.AttrKind{
		float32(1): graph.FloatAttr, int64(1): graph.IntAttr, "": graph.StringAttr, 1: graph.UndefinedAttr,
		graph.AttrRef{Kind: graph.IntsAttr}: graph.IntsAttr,
	} {
		if got := graph.KindOf(v); got != want {
			t.Errorf("KindOf(%T) = %s want %s", v, got, want)
		}
	}
	if s := graph.TypesAttr.String() + " " + graph.AttrKind(99).String(); s != "types attribute kind 99" {
		t.Error(s)
	}
}

func TestWalkReachesSubgraphs(t *testing.T) {
	g := diamond()
	sub := &graph.Graph{}
	apply(sub, "Inner", "i", nil)
	apply(g, "If", "z", graph.Attrs{"else_branch": sub}, g.Input("x"))
	apply(g, "Last", "l", nil)
	var ops []string
	g.Walk(func(_ *graph.Graph, n *graph.Node) bool { ops = append(ops, n.Op); return n.Op != "Inner" })
	if got := strings.Join(ops, " "); got != "Neg Abs Add If Inner" {
		t.Errorf("walked %s", got)
	}
}
