package pass_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/pass"
	"github.com/astronnx/astronnx/ops"
)

var set = ops.Standard().With(healpixop.Set())

// net is a model under construction, in float64, so that what a rewrite does to the numbers stands out against rounding.
type net struct {
	*ops.Builder
	m *graph.Model
	x *graph.Value
	r *rand.Rand
}

// newNet starts a model whose input x has the given sizes after the batch.
func newNet(dims ...int64) *net {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}, Graph: &graph.Graph{Name: "net"}}
	t := graph.TensorType(graph.Float64, graph.Sym("N"))
	for _, d := range dims {
		t.Shape = append(t.Shape, graph.D(d))
	}
	return &net{ops.NewBuilder(m.Graph, set, m.Opsets), m, m.Graph.NewInput("x", t), rand.New(rand.NewPCG(1, 2))}
}

// normal returns an initializer of normal numbers.
func (n *net) normal(name string, shape ...int64) *graph.Value {
	t := graph.NewTensor(graph.Float64, shape...)
	for i := range graph.Data[float64](t) {
		graph.Data[float64](t)[i] = n.r.NormFloat64()
	}
	return n.Param(name, t)
}

// positive returns an initializer of numbers in [0.5, 1.5).
func (n *net) positive(name string, shape ...int64) *graph.Value {
	v := n.normal(name, shape...)
	for i := range graph.Data[float64](v.Const) {
		graph.Data[float64](v.Const)[i] = 0.5 + n.r.Float64()
	}
	return v
}

// norm appends an inference BatchNormalization of c channels.
func (n *net) norm(x *graph.Value, c int64) *graph.Value {
	return n.Op("BatchNormalization", graph.Attrs{"epsilon": 1e-3}, x, n.positive("bn.weight", c), n.normal("bn.bias", c),
		n.normal("bn.mean", c), n.positive("bn.var", c))
}

// end makes y the output.
func (n *net) end(y *graph.Value) *graph.Model {
	n.m.Graph.Outputs = append(n.m.Graph.Outputs, y)
	return n.m
}

func run(t *testing.T, m *graph.Model) []*graph.Tensor {
	t.Helper()
	if err := m.Verify(); err != nil {
		t.Fatal(err)
	}
	plan, err := reference.Engine{Set: set}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var in []*graph.Tensor
	for _, v := range m.Graph.Inputs {
		sizes := v.Type.Sizes()
		for i, s := range sizes {
			if s < 0 {
				sizes[i] = 2
			}
		}
		x := graph.NewTensor(v.Type.DType, sizes...)
		if v.Type.DType == graph.Float64 {
			for i := range graph.Data[float64](x) {
				graph.Data[float64](x)[i] = r.NormFloat64()
			}
		}
		in = append(in, x)
	}
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	if err := plan.Run(context.Background(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// same compares results to the rounding of float64.
func same(t *testing.T, got, want []*graph.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d outputs want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i].Shape, want[i].Shape) || got[i].DType != want[i].DType {
			t.Fatalf("output %d: got %s want %s", i, got[i], want[i])
		}
		if got[i].DType != graph.Float64 {
			if !got[i].Equal(want[i]) {
				t.Errorf("output %d differs", i)
			}
			continue
		}
		x, y := graph.Data[float64](got[i]), graph.Data[float64](want[i])
		worst, most := 0.0, 0.0
		for k := range y {
			worst, most = max(worst, math.Abs(x[k]-y[k])), max(most, math.Abs(y[k]))
		}
		if !(worst <= 1e-12*most) || most == 0 {
			t.Errorf("output %d: difference %.3g of %.3g", i, worst, most)
		}
	}
}

// operators counts the nodes of the main graph.
func operators(m *graph.Model) string {
	var names []string
	for _, n := range m.Graph.Nodes {
		names = append(names, n.Op)
	}
	return strings.Join(names, " ")
}

// rewrite applies passes to a copy and checks that m, which they must not touch, and the copy compute the same.
func rewrite(t *testing.T, m *graph.Model, passes ...pass.Pass) (*graph.Model, []string) {
	t.Helper()
	if err := ops.Infer(m, set); err != nil {
		t.Fatal(err)
	}
	want := run(t, m)
	c := m.Clone()
	changes, err := pass.Run(c, set, passes...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, run(t, c), want)
	same(t, run(t, m), want)
	return c, changes
}

func TestBatchNorm(t *testing.T) {
	for name, c := range map[string]struct {
		build func() *graph.Model
		want  string // operators afterwards
	}{
		"conv, strided": {func() *graph.Model {
			n := newNet(3, 8, 8)
			return n.end(n.norm(n.Op("Conv", graph.Attrs{"strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}, n.x,
				n.normal("w", 4, 3, 3, 3)), 4))
		}, "Conv"},
		"conv, 3-D, bias": {func() *graph.Model {
			n := newNet(2, 5, 5, 5)
			return n.end(n.norm(n.Op("Conv", nil, n.x, n.normal("w", 3, 2, 2, 2, 2), n.normal("b", 3)), 3))
		}, "Conv"},
		"conv, groups": {func() *graph.Model {
			n := newNet(4, 6)
			return n.end(n.norm(n.Op("Conv", graph.Attrs{"group": 2}, n.x, n.normal("w", 6, 2, 3), n.normal("b", 6)), 6))
		}, "Conv"},
		"transposed, groups": {func() *graph.Model {
			n := newNet(4, 5, 5)
			attrs := graph.Attrs{"group": 2, "strides": []int{2, 2}, "output_padding": []int{1, 1}}
			return n.end(n.norm(n.Op("ConvTranspose", attrs, n.x, n.normal("w", 4, 3, 3, 3), n.normal("b", 6)), 6))
		}, "ConvTranspose"},
		"dense": {func() *graph.Model {
			n := newNet(5)
			attrs := graph.Attrs{"alpha": 0.5, "beta": 2.0}
			return n.end(n.norm(n.Op("Gemm", attrs, n.x, n.normal("w", 5, 3), n.normal("b", 1, 3)), 3))
		}, "Gemm"},
		"dense, turned": {func() *graph.Model {
			n := newNet(5)
			return n.end(n.norm(n.Op("Gemm", graph.Attrs{"transB": 1}, n.x, n.normal("w", 3, 5)), 3))
		}, "Gemm"},
		"dense, one number": {func() *graph.Model {
			n := newNet(5)
			return n.end(n.norm(n.Op("Gemm", nil, n.x, n.normal("w", 5, 3), n.normal("b")), 3))
		}, "Gemm"},
		"product and sum": {func() *graph.Model {
			n := newNet(5)
			return n.end(n.norm(n.Add(n.normal("b", 3), n.Op("MatMul", nil, n.x, n.normal("w", 5, 3))), 3))
		}, "MatMul Add"},
		"conv and sum": {func() *graph.Model {
			n := newNet(2, 6, 6)
			return n.end(n.norm(n.Add(n.Op("Conv", nil, n.x, n.normal("w", 3, 2, 3, 3)), n.normal("b", 3, 1, 1)), 3))
		}, "Conv"},
		"sphere": {func() *graph.Model {
			n := newNet(2, 48)
			attrs := graph.Attrs{"nside": 2, "missing": "renorm"}
			return n.end(n.norm(n.Op(healpixop.Domain+":HealpixConv", attrs, n.x, n.normal("w", 3, 2, 9)), 3))
		}, "HealpixConv"},
		"shared weights": {func() *graph.Model {
			n := newNet(2, 6)
			w := n.normal("w", 2, 2, 3)
			y := n.norm(n.Op("Conv", nil, n.x, w), 2)
			return n.end(n.Op("Conv", nil, y, w))
		}, "Conv Conv"},
		"twice": {func() *graph.Model {
			n := newNet(2, 6)
			return n.end(n.norm(n.norm(n.Op("Conv", nil, n.x, n.normal("w", 3, 2, 3)), 3), 3))
		}, "Conv"},

		"read twice": {func() *graph.Model {
			n := newNet(2, 6)
			y := n.Op("Conv", nil, n.x, n.normal("w", 2, 2, 3))
			return n.end(n.Add(n.norm(y, 2), y))
		}, "Conv BatchNormalization Add"},
		"output": {func() *graph.Model {
			n := newNet(2, 6)
			y := n.Op("Conv", nil, n.x, n.normal("w", 2, 2, 3))
			n.end(y)
			return n.end(n.norm(y, 2))
		}, "Conv BatchNormalization"},
		"weights from outside": {func() *graph.Model {
			n := newNet(2, 6)
			w := n.m.Graph.NewInput("w", graph.TensorType(graph.Float64, graph.D(2), graph.D(2), graph.D(3)))
			return n.end(n.norm(n.Op("Conv", nil, n.x, w), 2))
		}, "Conv BatchNormalization"},
		"default of an input": {func() *graph.Model {
			n := newNet(2, 6)
			w := n.normal("w", 2, 2, 3)
			n.m.Graph.Inputs = append(n.m.Graph.Inputs, w)
			return n.end(n.norm(n.Op("Conv", nil, n.x, w), 2))
		}, "Conv BatchNormalization"},
		"addend by sample": {func() *graph.Model {
			n := newNet(3)
			return n.end(n.norm(n.Op("Gemm", nil, n.x, n.normal("w", 3, 2), n.normal("b", 2, 1)), 2))
		}, "Gemm BatchNormalization"},
		"not linear": {func() *graph.Model {
			n := newNet(2, 6)
			return n.end(n.norm(n.Op("Relu", nil, n.x), 2))
		}, "Relu BatchNormalization"},
	} {
		t.Run(name, func(t *testing.T) {
			m, changes := rewrite(t, c.build(), pass.BatchNorm)
			if got := operators(m); got != c.want {
				t.Errorf("got %s want %s; %q", got, c.want, changes)
			}
			if folded := !strings.Contains(c.want, "BatchNormalization"); folded != (len(changes) > 0) {
				t.Errorf("said %q", changes)
			}
		})
	}
}

func TestAffine(t *testing.T) {
	n := newNet(3, 4, 4)
	m, changes := rewrite(t, n.end(n.norm(n.x, 3)), pass.BatchNorm, pass.Affine)
	if got := operators(m); got != "Mul Add" || len(changes) != 1 {
		t.Errorf("got %s, %q", got, changes)
	}
	n = newNet(3)
	y := n.norm(n.x, 3)
	bn, _ := y.Producer()
	for i := range 3 { // far from zero: the mean is to go first
		graph.Data[float64](bn.In[3].Const)[i] += 1000
	}
	if m, _ = rewrite(t, n.end(y), pass.Affine); operators(m) != "Sub Mul Add" {
		t.Errorf("got %s", operators(m))
	}
}
