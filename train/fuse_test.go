package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
)

// normalized is a batch normalisation with what follows it, and its gradients for x, scale and bias.
func normalized(t *testing.T, target ops.Target, follow func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value)) (*graph.Model,
	[]*graph.Value) {
	t.Helper()
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: &graph.Graph{}}
	set := ops.Standard().With(ops.Fused())
	b := ops.NewBuilder(m.Graph, set, m.Opsets)
	b.Target = target
	vector := func(name string) *graph.Value {
		return m.Graph.NewInput(name, graph.TensorType(graph.Float64, graph.D(3)))
	}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float64, graph.D(4), graph.D(3), graph.D(5)))
	scale, bias, mean, variance := vector("scale"), vector("bias"), vector("mean"), vector("var")
	out := b.OpN(3, "BatchNormalization", graph.Attrs{"training_mode": 1, "momentum": float32(0)}, x, scale, bias, mean, variance)
	y, asked := follow(b, out[0])
	wrt := []*graph.Value{x, scale, bias}
	if asked != nil {
		wrt = append(wrt, asked)
	}
	dx, err := differentiate(b, m, set, []*graph.Value{b.Op("Mul", nil, y, y)}, []*graph.Value{nil}, wrt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, dx
}

// values runs m for its gradients on numbers that the shapes choose.
func values(t *testing.T, m *graph.Model, dx []*graph.Value) [][]float64 {
	t.Helper()
	m.Graph.Outputs = dx
	p, err := reference.Engine{}.Compile(m, engine.Options{Ops: healpixop.Set()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := rand.New(rand.NewPCG(5, 5))
	var in []*graph.Tensor
	for _, v := range m.Graph.Inputs {
		x := graph.NewTensor(graph.Float64, v.Type.Sizes()...)
		for i := range graph.Data[float64](x) {
			graph.Data[float64](x)[i] = r.NormFloat64()
		}
		in = append(in, x)
	}
	out := make([]*graph.Tensor, len(dx))
	if err := p.Run(t.Context(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	var all [][]float64
	for _, o := range out {
		all = append(all, graph.Data[float64](o))
	}
	return all
}

// An activation is differentiated with the normalisation before it where nothing else reads that, and the gradients stay what they are.
func TestActivationIsDifferentiatedWithNormalization(t *testing.T) {
	leaky := func(b *ops.Builder, v *graph.Value) *graph.Value {
		return b.Op("LeakyRelu", graph.Attrs{"alpha": 0.2}, v)
	}
	for _, c := range []struct {
		name       string
		follow     func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value)
		activation string
	}{
		{"leaky", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return leaky(b, v), nil }, "LeakyRelu"},
		{"relu", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return b.Op("Relu", nil, v), nil }, "Relu"},
		{"none", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return v, nil }, ""},
		{"tanh", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return b.Op("Tanh", nil, v), nil }, ""},
		{"read before", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) {
			return b.Add(b.Op("Tanh", nil, v), leaky(b, v)), nil
		}, ""},
		{"read after", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return b.Add(leaky(b, v), v), nil }, ""},
		{"asked for", func(b *ops.Builder, v *graph.Value) (y, asked *graph.Value) { return leaky(b, v), v }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			stock, want := normalized(t, ops.Target{}, c.follow)
			fused, got := normalized(t, ops.Target{Kernels: true}, c.follow)
			var nodes []*graph.Node
			for _, n := range fused.Graph.Nodes {
				if n.Domain == ops.FusedDomain {
					nodes = append(nodes, n)
				}
			}
			if len(nodes) != 1 || nodes[0].Op != "BatchNormGrad" || nodes[0].Attrs.Str("activation", "") != c.activation {
				t.Errorf("got fused nodes %v, want one BatchNormGrad with activation %q", nodes, c.activation)
			}
			if slices.ContainsFunc(stock.Graph.Nodes, func(n *graph.Node) bool { return n.Domain != "" }) {
				t.Error("the stock form has nodes of another domain")
			}
			g, w := values(t, fused, got), values(t, stock, want)
			for i := range w {
				for k := range w[i] {
					if math.Abs(g[i][k]-w[i][k]) > 1e-12*(1+math.Abs(w[i][k])) {
						t.Fatalf("gradient %d[%d] is %g, want %g", i, k, g[i][k], w[i][k])
					}
				}
			}
		})
	}
}

// A Relu is differentiated with the pool behind it where nothing else reads what it makes.
func TestReluIsDifferentiatedWithPool(t *testing.T) {
	set := ops.Standard().With(healpixop.Set()).With(ops.Fused())
	for name, c := range map[string]struct {
		also       bool // whether another node reads the Relu's output
		mode       string
		activation string
		nodes      int
	}{"alone": {false, "max", "Relu", 1}, "read twice": {true, "max", "", 1}, "average": {false, "avg", "Relu", 1},
		"average, read twice": {true, "avg", "", 0}} {
		t.Run(name, func(t *testing.T) {
			grads := func(target ops.Target) (*graph.Model, []*graph.Value) {
				m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}, Graph: &graph.Graph{}}
				x := m.Graph.NewInput("x", graph.TensorType(graph.Float64, graph.D(2), graph.D(3), graph.D(48)))
				b := ops.NewBuilder(m.Graph, set, m.Opsets)
				b.Target = target
				relu := b.Op("Relu", nil, x)
				y := []*graph.Value{b.Op(healpixop.Domain+":HealpixPool", graph.Attrs{"nside": 2, "order": "RING", "mode": c.mode}, relu)}
				if c.also {
					y = append(y, b.Op("Sin", nil, relu))
				}
				dx, err := differentiate(b, m, set, y, make([]*graph.Value, len(y)), []*graph.Value{x}, nil)
				if err != nil {
					t.Fatal(err)
				}
				return m, dx
			}
			stock, want := grads(ops.Target{})
			fused, got := grads(ops.Target{Kernels: true})
			nodes := 0
			for _, n := range fused.Graph.Nodes {
				if n.Op != "HealpixPoolGrad" {
					continue
				}
				if nodes++; n.Attrs.Str("activation", "") != c.activation {
					t.Errorf("activation is %q, want %q", n.Attrs.Str("activation", ""), c.activation)
				}
			}
			if nodes != c.nodes {
				t.Errorf("got %d HealpixPoolGrad, want %d", nodes, c.nodes)
			}
			if g, w := values(t, fused, got)[0], values(t, stock, want)[0]; !slices.Equal(g, w) {
				t.Errorf("got %v want %v", g, w)
			}
		})
	}
}
