//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// convCase is one HealpixConv with its inputs; nil inputs are left out.
type convCase struct {
	attrs graph.Attrs
	in    [6]*graph.Tensor
	fixed [6]bool // given as constants
	name  string
}

func pick[T any](r *rand.Rand, xs ...T) T { return xs[r.IntN(len(xs))] }

func random(r *rand.Rand, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = float32(r.NormFloat64())
	}
	return t
}

// randomConv draws a case over every policy, mask, order and form of sky.
func randomConv(r *rand.Rand) convCase {
	order := pick(r, "NEST", "RING", "XY")
	nside := pick(r, 1, 2, 4, 8)
	if order != "NEST" {
		nside = pick(r, 1, 2, 3, 5, 8)
	}
	npix := int64(12 * nside * nside)
	c := convCase{attrs: graph.Attrs{
		"nside": nside, "order": order, "tap_order": pick(r, "lattice", "nnhealpix", "center_mid"),
		"missing": pick(r, "zero", "hpxpad", "center", "renorm"), "outside": pick(r, "zero", "center", "renorm"),
		"mask_mode": pick(r, "zero", "renorm"),
	}}
	n, ci, co := int64(r.IntN(3)+1), pick[int64](r, 1, 2, 3, 5), pick[int64](r, 1, 3, 17)
	in := npix
	if r.IntN(2) == 0 { // a partial sky
		keep := 0.2 + 0.7*r.Float64()
		var pixels []int64
		for p := range npix {
			if r.Float64() < keep {
				pixels = append(pixels, p)
			}
		}
		if pixels == nil {
			pixels = []int64{npix / 2}
		}
		in = int64(len(pixels))
		c.in[5] = graph.FromSlice(pixels, in)
	}
	c.in[0], c.in[1] = random(r, n, ci, in), random(r, co, ci, 9)
	if r.IntN(2) == 0 {
		c.in[2] = random(r, co)
	}
	switch r.IntN(3) {
	case 0:
		c.in[4] = mask(r, in)
	case 1:
		c.in[4] = mask(r, n, 1, in)
	}
	if r.IntN(3) == 0 {
		c.attrs["detect_unseen"] = 1
		x := graph.Data[float32](c.in[0])
		for range len(x) / 4 {
			x[r.IntN(len(x))] = pick(r, float32(math.NaN()), float32(-1.6375e30), float32(-1.6375e30*(1+0.9e-5)))
		}
	}
	if r.IntN(3) == 0 { // an index with more holes than the sphere has
		rows := in
		uncentred := c.attrs["missing"] == "zero" || c.attrs["missing"] == "renorm"
		if uncentred && (c.in[5] == nil || c.attrs["missing"] == c.attrs["outside"]) && r.IntN(2) == 0 {
			rows = int64(r.IntN(20) + 1)
		}
		index := graph.NewTensor(graph.Int64, rows, 9)
		for i := range graph.Data[int64](index) {
			graph.Data[int64](index)[i] = int64(r.IntN(int(in)+1)) - int64(r.IntN(2))
		}
		c.in[3] = index
	}
	if ci > 1 && c.attrs["missing"] != "hpxpad" && (c.in[3] == nil || c.in[3].Shape[0] == in) && r.IntN(2) == 0 {
		c.attrs["spin_pairs"], c.attrs["polcconv"] = 1+r.Int64N(ci/2), pick(r, "COSMO", "IAU")
	}
	for i := range c.fixed {
		c.fixed[i] = i > 0 && r.IntN(4) > 0
	}
	c.name = fmt.Sprint(c.attrs, c.in, c.fixed)
	return c
}

func mask(r *rand.Rand, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Bool, shape...)
	for i := range graph.Data[bool](t) {
		graph.Data[bool](t)[i] = r.IntN(5) > 0
	}
	return t
}

// model returns the case as a model of one node, and the values of its inputs.
func (c convCase) model() (*graph.Model, []*graph.Tensor) {
	var inputs []*graph.Tensor
	m := model(func(g *graph.Graph) {
		vs := make([]*graph.Value, 0, len(c.in))
		for i, t := range c.in {
			name := fmt.Sprint("in", i)
			switch {
			case t == nil:
				vs = append(vs, nil)
			case c.fixed[i]:
				vs = append(vs, g.NewConst(name, t))
			default:
				vs = append(vs, g.NewInput(name, graph.TypeOf(t)))
				inputs = append(inputs, t)
			}
		}
		for vs[len(vs)-1] == nil {
			vs = vs[:len(vs)-1]
		}
		y, ok := &graph.Value{Name: "y", Type: &graph.Type{DType: graph.Float32}}, &graph.Value{Name: "ok", Type: &graph.Type{DType: graph.Bool}}
		g.Append(graph.NewNode(healpixop.Domain, "HealpixConv", c.attrs, vs, []*graph.Value{y, ok}))
		g.Outputs = []*graph.Value{y, ok}
	})
	m.Opsets[healpixop.Domain] = 1
	return m, inputs
}

// want computes the case by the operator's definition.
func (c convCase) want(t *testing.T) []*graph.Tensor {
	t.Helper()
	op := healpixop.Set().Find(healpixop.Domain, "HealpixConv", 1)
	m, _ := c.model()
	out, err := op.Eval(&ops.Call{Ctx: t.Context(), Node: m.Graph.Nodes[0], Opset: 1, In: c.in[:]})
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return out
}

func TestConvKernelIsItsDefinition(t *testing.T) {
	few := 200
	if raceEnabled {
		few = 20
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range cases(t, few) {
		c := randomConv(r)
		m, in := c.model()
		p := compile(t, m, engine.Options{Threads: 2})
		if k := p.Report().Kernels; len(k) != 1 || !k[0].Native {
			t.Fatalf("%s: no kernel: %v", c.name, k)
		}
		want := c.want(t)
		for range 2 { // the second run finds what the first prepared
			got := run(t, p, in...)
			if !got[1].Equal(want[1]) {
				t.Fatalf("%s: mask_out %v %v\nwant %v %v", c.name, got[1], graph.Data[bool](got[1]), want[1], graph.Data[bool](want[1]))
			}
			close32(t, c.name, got[0], want[0])
		}
		p.Close()
	}
}

// The same file runs with and without the kernel.
func TestConvKernelIsItsBody(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	few := 60
	if raceEnabled {
		few = 5
	}
	for range cases(t, few) {
		c := randomConv(r)
		m, in := c.model()
		p := compile(t, m, engine.Options{Bodies: true})
		if k := p.Report().Kernels; len(k) != 1 || k[0].Native || k[0].Why != "function bodies were asked for" {
			t.Fatalf("%s: a kernel: %v", c.name, k)
		}
		body := run(t, p, in...)
		must(t, p.Close())
		p = compile(t, m, engine.Options{})
		kernel := run(t, p, in...)
		must(t, p.Close())
		if !kernel[1].Equal(body[1]) {
			t.Fatalf("%s: mask_out differs", c.name)
		}
		close32(t, c.name, kernel[0], body[0])
	}
}

// conv1 is a convolution of maps of Nside 2 with one channel.
func conv1(g *graph.Graph, x, w *graph.Value, attrs graph.Attrs) *graph.Value {
	y := node(g, "HealpixConv", graph.Attrs{"nside": 2}, x, w)
	n := g.Nodes[len(g.Nodes)-1]
	n.Domain = healpixop.Domain
	for k, v := range attrs {
		n.Attrs[k] = v
	}
	return y
}

func sphere2(d graph.DType) *graph.Type {
	return graph.TensorType(d, graph.Sym("N"), graph.D(1), graph.D(48))
}

func TestOneModelHasKernelsAndBodies(t *testing.T) {
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", sphere2(graph.Float32))
		z := g.NewInput("z", sphere2(graph.Float64))
		ones := graph.NewTensor(graph.Float32, 1, 1, 9)
		for i := range graph.Data[float32](ones) {
			graph.Data[float32](ones)[i] = 1
		}
		twos := graph.NewTensor(graph.Float64, 1, 1, 9)
		for i := range graph.Data[float64](twos) {
			graph.Data[float64](twos)[i] = 2
		}
		addOutput(g, conv1(g, x, g.NewConst("w", ones), graph.Attrs{"missing": "renorm"}), "y", sphere2(graph.Float32))
		addOutput(g, conv1(g, z, g.NewConst("w64", twos), graph.Attrs{"missing": "renorm"}), "v", sphere2(graph.Float64))
	})
	m.Opsets[healpixop.Domain] = 1
	p := compile(t, m, engine.Options{})
	k := p.Report().Kernels
	if len(k) != 2 || !k[0].Native || k[0].Nodes != 1 || k[1].Native || k[1].Nodes != 1 || !strings.Contains(k[1].Why, "float64") {
		t.Errorf("report is %+v", k)
	}
	x, z := graph.NewTensor(graph.Float32, 2, 1, 48), graph.NewTensor(graph.Float64, 2, 1, 48)
	for i := range graph.Data[float32](x) {
		graph.Data[float32](x)[i], graph.Data[float64](z)[i] = 1, 1
	}
	out := run(t, p, x, z)
	for i := range graph.Data[float32](out[0]) {
		if a, b := graph.Data[float32](out[0])[i], graph.Data[float64](out[1])[i]; math.Abs(float64(a)-9) > 1e-5 || math.Abs(b-18) > 1e-12 {
			t.Fatalf("pixel %d is %g and %g want 9 and 18", i, a, b)
		}
	}
	if len(m.Functions) != 0 || m.Graph.Nodes[1].Op != "HealpixConv" {
		t.Error("compiling changed the model")
	}
}

// A kernel that refuses at creation gives way to the body, which may take what it does not.
func TestRefusingKernelGivesWay(t *testing.T) {
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", &graph.Type{DType: graph.Float64, Shape: sphere2(0).Shape})
		// The type of the convolution's input is not in the file.
		y := node(g, "Neg", nil, x)
		w := node(g, "Cast", graph.Attrs{"to": graph.Float64}, g.NewConst("w", random(rand.New(rand.NewPCG(1, 1)), 1, 1, 9)))
		addOutput(g, conv1(g, y, w, nil), "out", sphere2(graph.Float64))
	})
	m.Opsets[healpixop.Domain] = 1
	p := compile(t, m, engine.Options{})
	if k := p.Report().Kernels; len(k) != 1 || k[0].Native || k[0].Why == "" {
		t.Errorf("report is %+v", k)
	}
	run(t, p, graph.NewTensor(graph.Float64, 1, 1, 48))
}

func TestConvInsideBranchesAndFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	w := random(r, 1, 1, 9)
	x := random(r, 2, 1, 48)
	plain := model(func(g *graph.Graph) {
		addOutput(g, conv1(g, g.NewInput("x", sphere2(graph.Float32)), g.NewConst("w", w), nil), "y", sphere2(graph.Float32))
	})
	branch := model(func(g *graph.Graph) {
		v, c := g.NewInput("x", sphere2(graph.Float32)), g.NewInput("c", graph.TensorType(graph.Bool))
		wv := g.NewConst("w", w)
		sub := func(name string) *graph.Graph {
			s := &graph.Graph{Name: name}
			addOutput(s, conv1(s, v, wv, nil), "y_"+name, sphere2(graph.Float32))
			return s
		}
		addOutput(g, node(g, "If", graph.Attrs{"then_branch": sub("yes"), "else_branch": sub("no")}, c), "y", sphere2(graph.Float32))
	})
	inside := model(func(g *graph.Graph) {
		y := node(g, "Block", nil, g.NewInput("x", sphere2(graph.Float32)), g.NewConst("w", w))
		g.Nodes[0].Domain = "com.example"
		addOutput(g, y, "y", sphere2(graph.Float32))
	})
	body := &graph.Graph{Name: "body"}
	fx, fw := body.NewInput("fx", nil), body.NewInput("fw", nil)
	addOutput(body, conv1(body, fx, fw, nil), "fy", nil)
	inside.Functions = []*graph.Function{{Domain: "com.example", Name: "Block", Opsets: map[string]int64{"": 20, healpixop.Domain: 1}, Body: body}}
	inside.Opsets["com.example"] = 1
	yes := graph.Scalar(true)
	var want *graph.Tensor
	for name, c := range map[string]struct {
		m  *graph.Model
		in []*graph.Tensor
	}{"plain": {plain, []*graph.Tensor{x}}, "If": {branch, []*graph.Tensor{x, yes}}, "function": {inside, []*graph.Tensor{x}}} {
		c.m.Opsets[healpixop.Domain] = 1
		p := compile(t, c.m, engine.Options{})
		if k := p.Report().Kernels; len(k) != 1 || !k[0].Native {
			t.Errorf("%s: report is %+v", name, k)
		}
		got := run(t, p, c.in...)[0]
		if want == nil {
			want = got
		}
		if !got.Equal(want) {
			t.Errorf("%s: the result is another", name)
		}
	}
}

func TestErrorsOfTheKernel(t *testing.T) {
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", &graph.Type{DType: graph.Float32})
		w := g.NewInput("w", &graph.Type{DType: graph.Float32})
		addOutput(g, conv1(g, x, w, nil), "y", &graph.Type{DType: graph.Float32})
	})
	m.Opsets[healpixop.Domain] = 1
	p := compile(t, m, engine.Options{})
	good := graph.NewTensor(graph.Float32, 1, 1, 9)
	for name, c := range map[string]struct {
		x, w *graph.Tensor
		want string
	}{
		"pixels":   {graph.NewTensor(graph.Float32, 1, 1, 12), good, "the map has 12 pixels, expected 48"},
		"rank":     {graph.NewTensor(graph.Float32, 1, 48), good, "X must be (N, C, P)"},
		"channels": {graph.NewTensor(graph.Float32, 1, 2, 48), good, "X has 2 channels, W takes 1"},
		"taps":     {graph.NewTensor(graph.Float32, 1, 1, 48), graph.NewTensor(graph.Float32, 1, 1, 8), "W must be (Co, Ci, 9)"},
	} {
		err := p.Run(t.Context(), []*graph.Tensor{c.x, c.w}, nil, make([]*graph.Tensor, 1))
		var e *errs.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Op != "HealpixConv" || e.Node == "" {
			t.Errorf("%s: got %v want %q at the node", name, err, c.want)
		}
	}
}

func TestTablesAreSharedAndReleased(t *testing.T) {
	before := tables.len()
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", sphere2(graph.Float32))
		w := g.NewConst("w", random(rand.New(rand.NewPCG(1, 1)), 1, 1, 9))
		addOutput(g, conv1(g, conv1(g, conv1(g, x, w, nil), w, nil), w, nil), "y", sphere2(graph.Float32))
	})
	m.Opsets[healpixop.Domain] = 1
	m.Graph.Nodes[0].Attrs["order"], m.Graph.Nodes[1].Attrs["order"] = "RING", "RING"
	p := compile(t, m, engine.Options{})
	if got := tables.len() - before; got != 2 {
		t.Errorf("three layers of two kinds hold %d tables", got)
	}
	must(t, p.Close())
	if got := tables.len(); got != before {
		t.Errorf("%d tables are left", got-before)
	}
}

func close32(t *testing.T, name string, got, want *graph.Tensor) {
	t.Helper()
	if got.DType != want.DType || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		t.Fatalf("%s: got %s want %s", name, got, want)
	}
	x, y := graph.Data[float32](got), graph.Data[float32](want)
	for i := range x {
		if !(math.Abs(float64(x[i]-y[i])) <= 1e-5*math.Abs(float64(y[i]))+1e-5) {
			t.Fatalf("%s: element %d is %g want %g", name, i, x[i], y[i])
		}
	}
}
