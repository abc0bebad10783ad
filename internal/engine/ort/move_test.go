//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/ops"
)

// moveCase is a node of one of the operators that move pixels, with its inputs.
type moveCase struct {
	op      string
	attrs   graph.Attrs
	in      []*graph.Tensor
	outputs []*graph.Type // nil: not connected
}

func subset(r *rand.Rand, n int64) *graph.Tensor {
	var ids []int64
	for p := range n {
		if r.IntN(3) > 0 {
			ids = append(ids, p)
		}
	}
	if ids == nil {
		ids = []int64{0}
	}
	return graph.Vector(ids...)
}

func randomMove(r *rand.Rand) moveCase {
	f, i64, b := &graph.Type{DType: graph.Float32}, &graph.Type{DType: graph.Int64}, &graph.Type{DType: graph.Bool}
	order := pick(r, "NEST", "RING", "XY")
	factor := pick(r, 1, 2, 4)
	n, c := int64(r.IntN(3)+1), int64(r.IntN(3)+1)
	strange := func(x *graph.Tensor) {
		for i := range graph.Data[float32](x) {
			if r.IntN(8) == 0 {
				graph.Data[float32](x)[i] = pick(r, float32(math.NaN()), float32(math.Inf(-1)), 0, 2, 2)
			}
		}
	}
	switch r.IntN(3) {
	case 0:
		nside := 4 * pick(r, 1, 2)
		npix := int64(12 * nside * nside)
		m := moveCase{op: "HealpixPool", attrs: graph.Attrs{"nside": nside, "order": order, "factor": factor, "mode": pick(r, "max", "avg", "sum"),
			"valid": pick(r, "any", "all"), "fill": pick(r, 0.0, -3.0), "power": pick(r, 0.0, 1.0, -0.3)}, in: make([]*graph.Tensor, 3)}
		p := npix
		if r.IntN(2) == 0 {
			m.in[2] = subset(r, npix)
			p = m.in[2].Shape[0]
		}
		m.in[0] = random(r, n, c, p)
		strange(m.in[0])
		switch r.IntN(3) {
		case 0:
			m.in[1] = mask(r, p)
		case 1:
			m.in[1] = mask(r, n, 1, p)
		}
		m.outputs = []*graph.Type{f, nil, pick(r, nil, b), pick(r, nil, i64)}
		if m.attrs["mode"] == "max" {
			m.outputs[1] = i64
		}
		return m
	case 1:
		nside := pick(r, 1, 2, 4)
		npix := int64(12 * nside * nside)
		m := moveCase{op: "HealpixUpsample", attrs: graph.Attrs{"nside": nside, "order": order, "factor": factor,
			"mode": pick(r, "nearest", "unpool"), "power": pick(r, 0.0, 1.0, -0.3)}, in: make([]*graph.Tensor, 4), outputs: []*graph.Type{f}}
		p := npix
		if r.IntN(2) == 0 {
			m.in[2] = subset(r, npix)
			p = m.in[2].Shape[0]
		}
		if r.IntN(2) == 0 {
			m.in[3] = subset(r, npix*int64(factor*factor))
		}
		m.in[0] = random(r, n, c, p)
		if m.attrs["mode"] == "unpool" {
			out := p * int64(factor*factor)
			if m.in[3] != nil {
				out = m.in[3].Shape[0]
			}
			m.in[1] = graph.NewTensor(graph.Int64, n, c, p)
			perPlane := int(p)
			for i := range graph.Data[int64](m.in[1]) {
				v := int64(i%perPlane)*int64(factor*factor) + int64(r.IntN(factor*factor))
				if v >= out || r.IntN(5) == 0 {
					v = -1
				}
				graph.Data[int64](m.in[1])[i] = v
			}
		}
		return m
	}
	nside := pick(r, 1, 2, 4)
	m := moveCase{op: "HealpixReorder", attrs: graph.Attrs{"nside": nside, "from": order, "to": pick(r, "NEST", "RING", "XY"),
		"rotate": 90 * r.IntN(4), "flip_ew": r.IntN(2), "flip_ns": r.IntN(2)}, outputs: []*graph.Type{f}}
	shape := pick(r, nil, []int64{n}, []int64{n, c}, []int64{n, 1, c})
	m.in = []*graph.Tensor{random(r, append(shape, int64(12*nside*nside))...)}
	strange(m.in[0])
	return m
}

func (c moveCase) model(r *rand.Rand) (*graph.Model, []*graph.Tensor) {
	var inputs []*graph.Tensor
	m := model(func(g *graph.Graph) {
		var vs, outs []*graph.Value
		for i, t := range c.in {
			name := fmt.Sprint("in", i)
			switch {
			case t == nil:
				vs = append(vs, nil)
			case i > 0 && r.IntN(2) == 0:
				vs = append(vs, g.NewConst(name, t))
			default:
				vs = append(vs, g.NewInput(name, graph.TypeOf(t)))
				inputs = append(inputs, t)
			}
		}
		for vs[len(vs)-1] == nil {
			vs = vs[:len(vs)-1]
		}
		for i, t := range c.outputs {
			var v *graph.Value
			if t != nil {
				v = &graph.Value{Name: fmt.Sprint("out", i), Type: t}
				g.Outputs = append(g.Outputs, v)
			}
			outs = append(outs, v)
		}
		for outs[len(outs)-1] == nil {
			outs = outs[:len(outs)-1]
		}
		g.Append(graph.NewNode(healpixop.Domain, c.op, c.attrs, vs, outs))
	})
	m.Opsets[healpixop.Domain] = 1
	return m, inputs
}

func TestMovingKernelsAreTheirDefinitions(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	few := 200
	if raceEnabled {
		few = 20
	}
	for range cases(t, few) {
		c := randomMove(r)
		m, in := c.model(r)
		name := fmt.Sprint(c.op, c.attrs, c.in)
		n := m.Graph.Nodes[0]
		all, err := healpixop.Set().Find(healpixop.Domain, c.op, 1).Eval(&ops.Call{Ctx: t.Context(), Node: n, Opset: 1, In: c.in})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var want []*graph.Tensor
		for i, v := range n.Out {
			if v != nil {
				want = append(want, all[i])
			}
		}
		p := compile(t, m, engine.Options{Threads: 2})
		if k := p.Report().Kernels; len(k) != 1 || !k[0].Native {
			t.Fatalf("%s: no kernel: %v", name, k)
		}
		for range 2 {
			for i, got := range run(t, p, in...) {
				if got.DType == graph.Float32 && c.op != "HealpixReorder" {
					sameFloats(t, name, got, want[i])
				} else if !got.Equal(want[i]) {
					t.Fatalf("%s: output %d is %v want %v", name, i, got, want[i])
				}
			}
		}
		must(t, p.Close())
	}
	if moves.len() != 0 {
		t.Errorf("%d tables are left", moves.len())
	}
}

func sameFloats(t *testing.T, name string, got, want *graph.Tensor) {
	t.Helper()
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		t.Fatalf("%s: got %s want %s", name, got, want)
	}
	x, y := graph.Data[float32](got), graph.Data[float32](want)
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		if a != b && !(math.IsNaN(a) && math.IsNaN(b)) && !(math.Abs(a-b) <= 1e-6*math.Abs(b)+1e-6) {
			t.Fatalf("%s: element %d is %g want %g", name, i, a, b)
		}
	}
}

func TestErrorsOfTheMovingKernels(t *testing.T) {
	for name, c := range map[string]struct {
		op    string
		attrs graph.Attrs
		in    []*graph.Tensor
		want  string
	}{
		"pixels":   {"HealpixPool", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 12)}, "the map has 12 pixels, expected 48"},
		"rank":     {"HealpixPool", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 48)}, "X must be (N, C, P)"},
		"unsorted": {"HealpixPool", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 2), nil, graph.Vector[int64](5, 4)}, "ascending"},
		"index": {"HealpixUpsample", graph.Attrs{"nside": 1, "mode": "unpool"}, []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 12),
			graph.FromSlice([]int64{0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 1, 12)}, "indices[1] is 48: expected -1 to 47"},
		"reorder": {"HealpixReorder", graph.Attrs{"nside": 2}, []*graph.Tensor{graph.NewTensor(graph.Float32, 12)}, "the map has 12 pixels, expected 48"},
	} {
		m := model(func(g *graph.Graph) {
			var vs []*graph.Value
			for i, t := range c.in {
				if t == nil {
					vs = append(vs, nil)
					continue
				}
				vs = append(vs, g.NewInput(fmt.Sprint("in", i), &graph.Type{DType: t.DType}))
			}
			y := node(g, c.op, c.attrs, vs...)
			g.Nodes[0].Domain = healpixop.Domain
			addOutput(g, y, "y", &graph.Type{DType: graph.Float32})
		})
		m.Opsets[healpixop.Domain] = 1
		p := compile(t, m, engine.Options{})
		var in []*graph.Tensor
		for _, x := range c.in {
			if x != nil {
				in = append(in, x)
			}
		}
		err := p.Run(t.Context(), in, nil, make([]*graph.Tensor, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v want %q", name, err, c.want)
		}
	}
}

// The number of pixels that a partial sky keeps is known at run time only, and what follows must not take it for something else.
func TestSizesKnownAtRunTimeStayOpen(t *testing.T) {
	x, pixels, q := random(rand.New(rand.NewPCG(1, 1)), 2, 2, 5), graph.Vector[int64](0, 1, 7, 8, 47), random(rand.New(rand.NewPCG(2, 2)), 2, 2, 4)
	m := model(func(g *graph.Graph) {
		in := []*graph.Value{g.NewInput("x", graph.TypeOf(x)), nil, g.NewInput("pixels", graph.TypeOf(pixels))}
		attrs := graph.Attrs{"nside": 2, "mode": "sum"}
		pooled := &graph.Value{Name: "pooled"}
		g.Append(graph.NewNode(healpixop.Domain, "HealpixPool", attrs, in, []*graph.Value{pooled}))
		addOutput(g, node(g, "Div", nil, pooled, g.NewInput("q", graph.TypeOf(q))), "out", &graph.Type{DType: graph.Float32})
	})
	m.Opsets[healpixop.Domain] = 1
	got := run(t, compile(t, m, engine.Options{}), x, pixels, q)[0]
	if want := []int64{2, 2, 4}; !slices.Equal(got.Shape, want) {
		t.Errorf("got shape %v want %v", got.Shape, want)
	}
}
