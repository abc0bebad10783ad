package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// newModel returns a model with a float64 input x [n] and its builder.
func newModel(n int64) (*graph.Model, *ops.Builder, *graph.Value) {
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{}}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float64, graph.D(n)))
	return m, ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets), x
}

// evaluate runs m's graph for the given outputs.
func evaluate(t *testing.T, m *graph.Model, outputs []*graph.Value, in ...*graph.Tensor) []*graph.Tensor {
	t.Helper()
	m.Graph.Outputs = outputs
	if err := m.Verify(); err != nil {
		t.Fatal(err)
	}
	p, err := reference.Engine{}.Compile(m, engine.Options{Ops: ops.Fused()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := make([]*graph.Tensor, len(outputs))
	if err := p.Run(context.Background(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func gradient(t *testing.T, m *graph.Model, y, x []*graph.Value, stop ...*graph.Value) []*graph.Value {
	t.Helper()
	g, err := train.Gradient(m, ops.Standard(), y, make([]*graph.Value, len(y)), x, stop)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func wantNear(t *testing.T, what string, got *graph.Tensor, want ...float64) {
	t.Helper()
	g := graph.Data[float64](got)
	if len(g) != len(want) {
		t.Fatalf("%s: got %d elements want %d", what, len(g), len(want))
	}
	for i, w := range want {
		if math.Abs(g[i]-w) > 1e-12*max(1, math.Abs(w)) {
			t.Errorf("%s: element %d: got %v want %v", what, i, g[i], w)
		}
	}
}

// A value read in many places, also by one node twice, collects the gradients of all.
func TestGradientsAddUp(t *testing.T) {
	m, b, x := newModel(2)
	y := b.Add(b.Mul(x, x), b.Add(x, b.Op("Exp", nil, x)))
	dx := gradient(t, m, []*graph.Value{y}, []*graph.Value{x})
	wantNear(t, "2x+1+exp(x)", evaluate(t, m, dx, graph.Vector(0.5, -1))[0], 2+math.Exp(0.5), -1+math.Exp(-1))
}

func TestSeveralOutputsAndSeeds(t *testing.T) {
	m, b, x := newModel(2)
	y, z := b.Mul(x, x), b.Op("Neg", nil, x)
	g, err := train.Gradient(m, ops.Standard(), []*graph.Value{y, z}, []*graph.Value{b.Const(graph.Vector(10.0, 100)), nil}, []*graph.Value{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, "seeded", evaluate(t, m, g, graph.Vector(1, 2.0))[0], 19, 399)
}

func TestWhatDoesNotDependIsNil(t *testing.T) {
	m, b, x := newModel(2)
	p := b.Param("p", graph.Vector(3.0, 4))
	g := gradient(t, m, []*graph.Value{b.Mul(x, x)}, []*graph.Value{p, x})
	if g[0] != nil || g[1] == nil {
		t.Errorf("got %v want nil for what the output does not depend on", g)
	}
}

func TestStop(t *testing.T) {
	m, b, x := newModel(1)
	inner := b.Mul(x, x)
	y := b.Mul(inner, x)
	dx := gradient(t, m, []*graph.Value{y}, []*graph.Value{x}, inner)
	wantNear(t, "x² held", evaluate(t, m, dx, graph.Vector(3.0))[0], 9)
}

// Integers carry no gradient, and an operator without one ends the way without an error where its NoGrad says so.
func TestPathsThatEnd(t *testing.T) {
	m, b, x := newModel(2)
	y := b.Mul(x, b.Op("CastLike", nil, b.Op("Cast", graph.Attrs{"to": graph.Int64}, x), x))
	dx := gradient(t, m, []*graph.Value{b.Add(y, b.Op("Floor", nil, x))}, []*graph.Value{x})
	wantNear(t, "x·int(x)", evaluate(t, m, dx, graph.Vector(2.5, -3.5))[0], 2, -3)
}

func TestMissingGradientsAreNamedTogether(t *testing.T) {
	m, b, x := newModel(2)
	y := b.Op("Fancy", nil, x)
	y.Type = x.Type
	z := b.Op("my.domain:Plain", nil, y)
	z.Type = x.Type
	_, err := train.Gradient(m, ops.Standard(), []*graph.Value{z}, []*graph.Value{nil}, []*graph.Value{x}, nil)
	if !errors.Is(err, errs.UnsupportedOp) || !strings.Contains(err.Error(), "Fancy") || !strings.Contains(err.Error(), "my.domain:Plain") {
		t.Errorf("got %v want both operators named", err)
	}
}

// A call of a model-local function, with an attribute and a function inside, is differentiated through its body.
func TestFunctions(t *testing.T) {
	m, b, x := newModel(2)
	m.Opsets["local"] = 1
	leaky := &graph.Function{Domain: "local", Name: "Leaky", Attrs: []string{"slope"}, Opsets: map[string]int64{"": 21}, Body: &graph.Graph{}}
	in := leaky.Body.NewInput("in", nil)
	out := &graph.Value{Name: "out"}
	leaky.Body.Append(graph.NewNode("", "LeakyRelu", graph.Attrs{"alpha": graph.AttrRef{Name: "slope", Kind: graph.FloatAttr}},
		[]*graph.Value{in}, []*graph.Value{out}))
	leaky.Body.Outputs = []*graph.Value{out}
	outer := &graph.Function{Domain: "local", Name: "Outer", Opsets: map[string]int64{"": 21, "local": 1}, Body: &graph.Graph{}}
	in = outer.Body.NewInput("in", nil)
	mid, end := &graph.Value{Name: "mid"}, &graph.Value{Name: "end"}
	outer.Body.Append(graph.NewNode("local", "Leaky", graph.Attrs{"slope": 0.5}, []*graph.Value{in}, []*graph.Value{mid}),
		graph.NewNode("", "Mul", nil, []*graph.Value{mid, in}, []*graph.Value{end}))
	outer.Body.Outputs = []*graph.Value{end}
	m.Functions = []*graph.Function{leaky, outer}
	y := b.Op("local:Outer", nil, x)
	dx := gradient(t, m, []*graph.Value{y}, []*graph.Value{x})
	got := evaluate(t, m, append(dx, y), graph.Vector(3.0, -3))
	wantNear(t, "gradient", got[0], 6, -3)
	wantNear(t, "value", got[1], 9, 4.5)
}

// Second derivatives are gradients of gradients; here against closed forms.
func TestSecondDerivatives(t *testing.T) {
	at := []float64{0.3, -0.8}
	for name, c := range map[string]struct {
		f      func(b *ops.Builder, x *graph.Value) *graph.Value
		second func(x float64) float64
	}{
		"cube":     {func(b *ops.Builder, x *graph.Value) *graph.Value { return b.Mul(x, b.Mul(x, x)) }, func(x float64) float64 { return 6 * x }},
		"Exp":      {unary("Exp"), math.Exp},
		"Tanh":     {unary("Tanh"), func(x float64) float64 { y := math.Tanh(x); return -2 * y * (1 - y*y) }},
		"Sin":      {unary("Sin"), func(x float64) float64 { return -math.Sin(x) }},
		"Softplus": {unary("Softplus"), func(x float64) float64 { s := 1 / (1 + math.Exp(-x)); return s * (1 - s) }},
		"Sigmoid": {unary("Sigmoid"), func(x float64) float64 {
			s := 1 / (1 + math.Exp(-x))
			return s * (1 - s) * (1 - 2*s)
		}},
	} {
		m, b, x := newModel(2)
		first := gradient(t, m, []*graph.Value{c.f(b, x)}, []*graph.Value{x})
		second := gradient(t, m, first, []*graph.Value{x})
		wantNear(t, name, evaluate(t, m, second, graph.Vector(at...))[0], c.second(at[0]), c.second(at[1]))
	}
}

func unary(op string) func(b *ops.Builder, x *graph.Value) *graph.Value {
	return func(b *ops.Builder, x *graph.Value) *graph.Value { return b.Op(op, nil, x) }
}

// Broadcasting is undone where sizes are only known when the graph runs: by number, by rank, or not at all.
func TestBroadcastOfUnknownSizes(t *testing.T) {
	for name, shape := range map[string][]graph.Dim{"sizes": {graph.Sym("n"), graph.Sym("m")}, "named apart": {graph.Sym(""), graph.Sym("")}, "rank": nil} {
		m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{}}
		x := m.Graph.NewInput("x", &graph.Type{DType: graph.Float64, Shape: shape})
		p := m.Graph.NewInput("p", &graph.Type{DType: graph.Float64})
		b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
		g := gradient(t, m, []*graph.Value{b.Mul(x, p)}, []*graph.Value{p, x})
		got := evaluate(t, m, g, graph.FromSlice([]float64{1, 2, 3, 4, 5, 6}, 2, 3), graph.FromSlice([]float64{10, 20}, 2, 1))
		wantNear(t, name, got[0], 6, 15)
		if s := got[0].Shape; len(s) != 2 || s[0] != 2 || s[1] != 1 {
			t.Errorf("%s: got shape %v want [2 1]", name, s)
		}
		wantNear(t, name, got[1], 10, 10, 10, 20, 20, 20)
	}
}
