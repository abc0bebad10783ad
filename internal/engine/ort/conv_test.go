//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine"
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
