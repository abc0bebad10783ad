package pass_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/pass"
	"github.com/astronnx/astronnx/ops"
)

// trained is a BatchNormalization in training, or the same in inference.
func trained(training bool, outs int) (*net, []*graph.Value) {
	n := newNet(3, 4)
	attrs := graph.Attrs{}
	if training {
		attrs = graph.Attrs{"training_mode": 1, "momentum": 0.5}
	}
	return n, n.OpN(outs, "BatchNormalization", attrs, n.x, n.positive("s", 3), n.normal("b", 3), n.normal("m", 3), n.positive("v", 3))
}

func TestInference(t *testing.T) {
	n, y := trained(true, 3)
	m := n.end(y[0])
	changes, err := pass.Run(m, set, pass.Inference)
	if err != nil || len(changes) != 1 {
		t.Fatalf("%q, %v", changes, err)
	}
	n, y = trained(false, 1)
	same(t, run(t, m), run(t, n.end(y[0])))

	n, y = trained(true, 3)
	n.Graph.Nodes[0].Name = "norm_7"
	n.end(y[0])
	_, err = pass.Run(n.end(y[1]), set, pass.Inference)
	if !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "norm_7") || !strings.Contains(err.Error(), "pass inference") {
		t.Errorf("statistics that are read: %v", err)
	}
}

func TestDropout(t *testing.T) {
	n := newNet(3)
	mode := n.m.Graph.NewInput("training", graph.TensorType(graph.Bool))
	y := n.Op("Dropout", graph.Attrs{"seed": 1}, n.Op("Relu", nil, n.x), n.Float(graph.Float64, 0.9), mode)
	z := n.OpN(2, "Dropout", nil, y, nil, n.Const(graph.Scalar(true)))
	n.end(n.Where(z[1], z[0], n.Op("Neg", nil, n.x))) // reads the mask
	m := n.m
	changes, err := pass.Run(m, set, pass.Dropout, pass.Identity, pass.Dead)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%q, %v", changes, err)
	}
	if got := operators(m); got != "Relu Dropout Neg Where" || len(m.Graph.Inputs) != 1 {
		t.Errorf("got %s, %d inputs", got, len(m.Graph.Inputs))
	}
	n = newNet(3)
	same(t, run(t, m), run(t, n.end(n.Op("Relu", nil, n.x))))
}

func TestIdentity(t *testing.T) {
	n := newNet(3)
	y := n.Op("Identity", nil, n.Op("Relu", nil, n.Op("Identity", nil, n.x)))
	y.Name = "y"
	z := n.Op("Identity", nil, n.x) // an input cannot be an output
	n.end(n.Op("Identity", nil, n.end(y).Graph.Outputs[0]))
	m, _ := rewrite(t, n.end(z), pass.Identity)
	if got := operators(m); got != "Relu Identity Identity" || m.Graph.Outputs[0].Name != "y" || m.Graph.Nodes[0].Out[0].Name != "y" {
		t.Errorf("got %s", got)
	}
}

// TestSubgraph takes a branch apart: the passes see what it reads from around it and what it gives.
func TestSubgraph(t *testing.T) {
	n := newNet(3)
	branch := func(scale float64) *graph.Graph {
		g := &graph.Graph{Name: "branch"}
		b := ops.NewBuilder(g, set, n.m.Opsets)
		outer := n.Op("Mul", nil, n.x, n.Float(graph.Float64, scale))
		y := b.Op("Identity", nil, b.Op("Dropout", nil, b.Op("Neg", nil, outer)))
		b.Op("Abs", nil, outer) // dead
		y.Name = n.Name("branch_y")
		for _, node := range g.Nodes {
			for _, v := range node.Out {
				if v != y {
					v.Name = n.Name("branch_" + v.Name)
				}
			}
		}
		g.Outputs = []*graph.Value{y}
		return g
	}
	one, two := branch(2), branch(3)
	y := &graph.Value{Name: "y", Type: n.x.Type}
	cond := n.Param("cond", graph.Scalar(true))
	n.Graph.Append(graph.NewNode("", "If", graph.Attrs{"then_branch": one, "else_branch": two}, []*graph.Value{cond}, []*graph.Value{y}))
	m, _ := rewrite(t, n.end(y), pass.Dropout, pass.Identity, pass.Constants, pass.Dead)
	branches := m.Graph.Nodes[len(m.Graph.Nodes)-1].Attrs
	for _, g := range []*graph.Graph{branches.Graph("then_branch"), branches.Graph("else_branch")} {
		if len(g.Nodes) != 1 || g.Nodes[0].Op != "Neg" {
			t.Errorf("a branch has %d nodes", len(g.Nodes))
		}
	}
	// Without the If, all it read is dead.
	c := m.Clone()
	c.Graph.Outputs = []*graph.Value{c.Graph.Inputs[0]}
	if _, err := pass.Run(c, set, pass.Dead); err != nil || len(c.Graph.Nodes) != 0 || len(c.Graph.Initializers) != 0 {
		t.Errorf("%v, left %s and %d constants", err, operators(c), len(c.Graph.Initializers))
	}
}

func TestDead(t *testing.T) {
	n := newNet(3)
	n.Op("Neg", nil, n.Op("Mul", nil, n.x, n.normal("unread", 3)))
	kept := n.normal("kept", 3)
	n.m.Graph.Inputs = append(n.m.Graph.Inputs, kept) // an input with a default is part of the interface
	m, _ := rewrite(t, n.end(n.Op("Abs", nil, n.x)), pass.Dead)
	if got := operators(m); got != "Abs" || len(m.Graph.Initializers) != 1 {
		t.Errorf("got %s and %d constants", got, len(m.Graph.Initializers))
	}
}

func TestConstants(t *testing.T) {
	n := newNet(4, 3)
	w := n.Transpose(n.normal("w", 5, 3), 1, 0)
	y := n.Op("MatMul", nil, n.x, n.Mul(w, n.Float(graph.Float64, 2)))
	size := n.Op("Shape", graph.Attrs{"start": 1, "end": 2}, n.x) // 4 whatever N is
	y = n.Op("Reshape", nil, y, n.Op("Concat", graph.Attrs{"axis": 0}, n.Ints(-1), n.Mul(size, n.Ints(5))))
	y = n.Add(y, n.Op("RandomUniformLike", graph.Attrs{"high": 0.0, "low": 0.0}, n.normal("like", 1)))
	many := n.Op("Expand", nil, n.normal("one", 1), n.Ints(100, 1, 1, 1000)) // too many to store
	y = n.Add(y, n.Op("ReduceSum", graph.Attrs{"keepdims": 0}, many, n.Ints(0, 1, 3)))
	last := n.Op("Neg", nil, n.normal("out", 2))
	n.end(last)
	m, changes := rewrite(t, n.end(y), pass.Constants, pass.Dead)
	got := strings.ReplaceAll(operators(m), "Constant ", "")
	if got != "MatMul Reshape RandomUniformLike Add Expand ReduceSum Add Neg" || len(changes) != 5 {
		t.Errorf("got %s; %q", got, changes)
	}
}

func TestCulprit(t *testing.T) {
	n := newNet(3)
	bad := pass.Pass{Name: "bad", Run: func(m *graph.Model, _ *ops.Set) ([]string, error) {
		m.Graph.Nodes = nil
		return nil, nil
	}}
	_, err := pass.Run(n.end(n.Op("Neg", nil, n.x)), set, pass.Dead, bad, pass.Identity)
	if err == nil || !strings.Contains(err.Error(), "pass bad:") {
		t.Errorf("got %v, want the name of the pass", err)
	}
}

func TestInline(t *testing.T) {
	n := newNet(3)
	call := func(name string, v *graph.Value) *graph.Value {
		y := &graph.Value{Name: n.Name(name)}
		n.Graph.Append(graph.NewNode("custom", name, graph.Attrs{"alpha": float32(0.25)}, []*graph.Value{v}, []*graph.Value{y}))
		return y
	}
	define := func(name, op string, attrs graph.Attrs, domain string) {
		g := &graph.Graph{}
		x, y := g.NewInput("in", nil), &graph.Value{Name: "out"}
		g.Append(graph.NewNode(domain, op, attrs, []*graph.Value{x}, []*graph.Value{y}))
		g.Outputs = []*graph.Value{y}
		n.m.Functions = append(n.m.Functions, &graph.Function{Domain: "custom", Name: name, Attrs: []string{"alpha"},
			Opsets: map[string]int64{"": 18, "custom": 1}, Body: g})
	}
	ref := graph.Attrs{"alpha": graph.AttrRef{Name: "alpha", Kind: graph.FloatAttr}}
	define("Leaky", "LeakyRelu", ref, "")
	define("Outer", "Leaky", ref, "custom")
	n.m.Opsets["custom"] = 1
	y := call("Leaky", call("Outer", n.x))
	y.Type = n.x.Type
	m, changes := rewrite(t, n.end(y), pass.Inline)
	if got := operators(m); got != "LeakyRelu LeakyRelu" || len(m.Functions) != 0 || len(changes) != 3 {
		t.Errorf("got %s, %d functions, %q", got, len(m.Functions), changes)
	}
}
