package optest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/ops"
)

// Case is one node of an operator with its inputs.
type Case struct {
	Op      string // name in the domain of package healpixop
	Attrs   graph.Attrs
	In      []*graph.Tensor // nil: absent
	Dynamic []bool          // inputs that a model takes at run time; the others are constants in it
	Outputs int
	Without int // an output that is not connected; 0: all are
}

func (c Case) String() string {
	s := c.Op
	for _, name := range c.Attrs.Names() {
		s += fmt.Sprintf(" %s=%v", name, c.Attrs[name])
	}
	for i, t := range c.In {
		if t != nil {
			s += fmt.Sprintf(" in%d:%s", i, t)
			if c.Dynamic[i] {
				s += "(dynamic)"
			}
		}
	}
	return fmt.Sprintf("%s -> %d", s, c.Outputs)
}

// InputName returns the name of input i in the case's model.
func InputName(i int) string { return fmt.Sprintf("in%d", i) }

// Model returns a model of the one node, without a body, and the inputs it takes.
func (c Case) Model() (*graph.Model, map[string]*graph.Tensor, error) {
	m := &graph.Model{Graph: &graph.Graph{Name: "case"}, IRVersion: 8, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}}
	inputs := map[string]*graph.Tensor{}
	in := make([]*graph.Value, len(c.In))
	for i, t := range c.In {
		switch {
		case t == nil:
		case c.Dynamic[i]:
			in[i] = m.Graph.NewInput(InputName(i), graph.TypeOf(t))
			inputs[InputName(i)] = t
		default:
			in[i] = m.Graph.NewConst(InputName(i), t)
		}
	}
	out := make([]*graph.Value, c.Outputs)
	for i := range out {
		if i == 0 || i != c.Without {
			out[i] = &graph.Value{Name: fmt.Sprintf("out%d", i)}
			m.Graph.Outputs = append(m.Graph.Outputs, out[i])
		}
	}
	n := graph.NewNode(healpixop.Domain, c.Op, c.Attrs, in, out)
	n.Name = "node"
	m.Graph.Append(n)
	return m, inputs, ops.Infer(m, healpixop.Set())
}

// Eval returns the outputs by the operator's definition.
func (c Case) Eval() ([]*graph.Tensor, error) {
	m, _, err := c.Model()
	if err != nil {
		return nil, err
	}
	n := m.Graph.Nodes[0]
	op := healpixop.Set().Newest(healpixop.Domain, c.Op)
	out, err := op.Eval(&ops.Call{Ctx: context.Background(), Node: n, Opset: 1, In: c.In})
	if err == nil && c.Without > 0 {
		out = slices.Delete(out, c.Without, c.Without+1)
	}
	return out, err
}

// Tolerance returns how far outputs of the case may differ: for sums, rounding of the largest sum of magnitudes that
// there can be, since what adds up may cancel.
func (c Case) Tolerance() ops.Tolerance {
	eps := 1e-5
	if slices.ContainsFunc(c.In, func(t *graph.Tensor) bool { return t != nil && t.DType == graph.Float64 }) {
		eps = 1e-12
	}
	scale := 1.0
	if c.Op == "HealpixConv" {
		scale = 9 * 9 * float64(c.In[1].Shape[1]) // 9 Ci products, at most nine-fold by renormalisation
	}
	return ops.Tolerance{Rel: eps, Abs: eps * scale}
}

// Different compares outputs and returns how got differs from want; empty if it does not.
func Different(got, want []*graph.Tensor, tol ops.Tolerance) string {
	if len(got) != len(want) {
		return fmt.Sprintf("got %d outputs, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) {
			return fmt.Sprintf("output %d: got %s, want %s", i, g, w)
		}
		var d string
		switch w.DType {
		case graph.Float32:
			d = differentFloats(graph.Data[float32](g), graph.Data[float32](w), tol)
		case graph.Float64:
			d = differentFloats(graph.Data[float64](g), graph.Data[float64](w), tol)
		default:
			if !g.Equal(w) {
				d = "values differ"
			}
		}
		if d != "" {
			return fmt.Sprintf("output %d: %s", i, d)
		}
	}
	return ""
}

func differentFloats[T float32 | float64](got, want []T, tol ops.Tolerance) string {
	for i, w := range want {
		g, w := float64(got[i]), float64(w)
		switch {
		case g == w || math.IsNaN(g) && math.IsNaN(w):
		case math.IsNaN(g) != math.IsNaN(w), math.Abs(g-w) > tol.Abs+tol.Rel*math.Abs(w):
			return fmt.Sprintf("element %d: got %v, want %v", i, g, w)
		}
	}
	return ""
}

// Gen makes random cases: valid ones, of every attribute and every optional input.
type Gen struct {
	*rand.Rand
	Type graph.DType // Float32 or Float64
}

// NewGen returns a generator; equal seeds give equal cases.
func NewGen(seed uint64, t graph.DType) *Gen { return &Gen{rand.New(rand.NewPCG(seed, 1)), t} }

func (g *Gen) coin() bool { return g.IntN(2) == 0 }

func pick[T any](g *Gen, xs ...T) T { return xs[g.IntN(len(xs))] }

func (g *Gen) order() (healpix.Order, int) {
	order := pick(g, healpix.Nested, healpix.Ring, healpix.XY)
	if order == healpix.Nested {
		return order, pick(g, 1, 2, 4, 8)
	}
	return order, pick(g, 1, 2, 3, 4, 5, 6, 8)
}

// Normal returns a tensor of standard normal numbers.
func (g *Gen) Normal(shape ...int64) *graph.Tensor {
	t := graph.NewTensor(g.Type, shape...)
	if g.Type == graph.Float64 {
		for i, x := range graph.Data[float64](t) {
			graph.Data[float64](t)[i] = x + g.NormFloat64()
		}
		return t
	}
	x := graph.Data[float32](t)
	for i := range x {
		x[i] = float32(g.NormFloat64())
	}
	return t
}

// spoil replaces some elements by a value.
func (g *Gen) spoil(t *graph.Tensor, value float64) {
	for range max(t.Len()/5, 1) {
		if t.Len() == 0 {
			return
		}
		i := g.Int64N(t.Len())
		if t.DType == graph.Float64 {
			graph.Data[float64](t)[i] = value
		} else {
			graph.Data[float32](t)[i] = float32(value)
		}
	}
}

func (g *Gen) bools(share float64, shape ...int64) *graph.Tensor {
	t := graph.NewTensor(graph.Bool, shape...)
	b := graph.Data[bool](t)
	for i := range b {
		b[i] = g.Float64() < share
	}
	return t
}

// mask returns no mask, or one of either shape.
func (g *Gen) mask(n, p int64) *graph.Tensor {
	share := pick(g, 0.1, 0.8)
	return pick(g, nil, g.bools(share, p), g.bools(share, n, 1, p))
}

// pixels returns an ascending choice of a grid's pixels: a disc-like patch or single ones.
func (g *Gen) pixels(grid healpix.Grid) *graph.Tensor {
	in := make([]bool, grid.Npix())
	if g.coin() {
		for i := range in {
			in[i] = g.Float64() < 0.6
		}
	} else {
		queue := []int{g.IntN(grid.Npix())}
		for want := 1 + g.IntN(grid.Npix()); want > 0 && len(queue) > 0; want-- {
			p := queue[0]
			queue = queue[1:]
			in[p] = true
			for _, q := range grid.Neighbours(p) {
				if q >= 0 && !in[q] {
					queue = append(queue, q)
				}
			}
		}
	}
	var ids []int64
	for p, yes := range in {
		if yes {
			ids = append(ids, int64(p))
		}
	}
	if ids == nil {
		ids = []int64{int64(g.IntN(grid.Npix()))}
	}
	return graph.Vector(ids...)
}

// set gives an attribute a value, or leaves it to its default.
func (g *Gen) set(a graph.Attrs, name string, values ...any) {
	if v := pick(g, append(values, nil)...); v != nil {
		a[name] = v
	}
}

// dynamic makes some of the inputs run-time ones; X always.
func (g *Gen) dynamic(in []*graph.Tensor) []bool {
	d := make([]bool, len(in))
	for i := range d {
		d[i] = i == 0 || g.IntN(4) == 0
	}
	return d
}

func trim(in []*graph.Tensor) []*graph.Tensor {
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	return in
}

// Any returns a case of any operator.
func (g *Gen) Any() Case {
	return pick(g, g.Conv, g.Conv, g.Conv, g.Neighbors, g.Pool, g.Pool, g.Upsample, g.Reorder)()
}

// Neighbors returns a case of HealpixNeighbors.
func (g *Gen) Neighbors() Case {
	order, nside := g.order()
	grid, _ := healpix.New(nside, order)
	a := graph.Attrs{"nside": nside, "order": order.String()}
	g.set(a, "tap_order", "lattice", "nnhealpix", "center_mid")
	in := []*graph.Tensor{nil, nil}
	for i := range in {
		if g.coin() {
			in[i] = g.pixels(grid)
		}
	}
	in = trim(in)
	d := make([]bool, len(in))
	return Case{Op: "HealpixNeighbors", Attrs: a, In: in, Dynamic: d, Outputs: 1 + g.IntN(2)}
}

// Conv returns a case of HealpixConv.
func (g *Gen) Conv() Case {
	order, nside := g.order()
	grid, _ := healpix.New(nside, order)
	a := graph.Attrs{"nside": nside, "order": order.String()}
	g.set(a, "missing", "zero", "hpxpad", "center", "renorm")
	g.set(a, "outside", "zero", "center", "renorm")
	g.set(a, "mask_mode", "zero", "renorm")
	g.set(a, "tap_order", "lattice", "nnhealpix", "center_mid")
	n, ci, co := pick[int64](g, 0, 1, 2, 3), pick[int64](g, 1, 2, 3, 5), pick[int64](g, 1, 2, 3, 7)
	if ci > 1 && a["missing"] != "hpxpad" && g.coin() {
		a["spin_pairs"] = 1 + g.Int64N(ci/2)
		g.set(a, "polcconv", "COSMO", "IAU")
	}
	p := int64(grid.Npix())
	var pixels *graph.Tensor
	if g.coin() {
		pixels = g.pixels(grid)
		p = pixels.Len()
	}
	x := g.Normal(n, ci, p)
	if g.IntN(3) == 0 {
		unseen := -1.6375e30
		if g.coin() {
			unseen = -99
			a["unseen"] = float32(unseen)
		}
		a["detect_unseen"] = 1
		g.spoil(x, unseen*(1+5e-6))
		g.spoil(x, math.NaN())
	}
	in := []*graph.Tensor{x, g.Normal(co, ci, 9), nil, nil, g.mask(n, p), pixels}
	if g.coin() {
		in[2] = g.Normal(co)
	}
	if g.coin() {
		in[3] = g.index(a, grid, pixels, p)
	}
	in = trim(in)
	return Case{Op: "HealpixConv", Attrs: a, In: in, Dynamic: g.dynamic(in), Outputs: 1 + g.IntN(2)}
}

// index returns the table of a sky, with some further entries missing, or, where the policies of a allow it, of another
// sky.
func (g *Gen) index(a graph.Attrs, grid healpix.Grid, pixels *graph.Tensor, p int64) *graph.Tensor {
	table := Case{Op: "HealpixNeighbors", Attrs: graph.Attrs{"nside": a["nside"], "order": a["order"]},
		In: []*graph.Tensor{pixels, pixels}, Dynamic: []bool{false, false}, Outputs: 1}
	if v, ok := a["tap_order"]; ok {
		table.Attrs["tap_order"] = v
	}
	missing, outside := a.Str("missing", "zero"), a.Str("outside", "zero")
	if (missing == "zero" || missing == "renorm") && a["spin_pairs"] == nil && (pixels == nil || missing == outside) && g.coin() {
		table.In[0] = g.pixels(grid)
	}
	out, err := table.Eval()
	if err != nil {
		panic(err)
	}
	index := graph.Data[int64](out[0])
	for range len(index) / 20 {
		index[g.IntN(len(index))] = pick(g, -1, p)
	}
	return out[0]
}

// Pool returns a case of HealpixPool.
func (g *Gen) Pool() Case {
	order, nside, factor := g.family()
	grid, _ := healpix.New(nside*factor, order)
	a := graph.Attrs{"nside": nside * factor, "order": order.String(), "factor": factor}
	g.set(a, "mode", "max", "avg", "sum")
	g.set(a, "valid", "any", "all")
	g.set(a, "power", float32(-2), float32(1))
	g.set(a, "fill", float32(-1.6375e30), float32(7))
	n, c, p := pick[int64](g, 0, 1, 2, 3), pick[int64](g, 1, 2, 3), int64(grid.Npix())
	var pixels *graph.Tensor
	if g.coin() {
		pixels = g.pixels(grid)
		p = pixels.Len()
	}
	x := g.Normal(n, c, p)
	for _, v := range []float64{0, math.Inf(-1), math.NaN()} {
		if g.IntN(3) == 0 {
			g.spoil(x, v)
		}
	}
	in := trim([]*graph.Tensor{x, g.mask(n, p), pixels})
	made := Case{Op: "HealpixPool", Attrs: a, In: in, Dynamic: g.dynamic(in), Outputs: 1 + g.IntN(4)}
	if a.Str("mode", "max") != "max" {
		made.Outputs, made.Without = pick(g, 1, 3, 4), 1 // without indices
		if made.Outputs == 1 {
			made.Without = 0
		}
	}
	return made
}

// Upsample returns a case of HealpixUpsample.
func (g *Gen) Upsample() Case {
	order, nside, factor := g.family()
	coarse, _ := healpix.New(nside, order)
	fine, _ := healpix.New(nside*factor, order)
	a := graph.Attrs{"nside": nside, "order": order.String(), "factor": factor}
	g.set(a, "power", float32(-2), float32(1))
	n, c, p := pick[int64](g, 0, 1, 2, 3), pick[int64](g, 1, 2, 3), int64(coarse.Npix())
	in := make([]*graph.Tensor, 4)
	if g.coin() {
		in[2] = g.pixels(coarse)
		p = in[2].Len()
	}
	out := p * int64(factor*factor)
	if g.coin() {
		in[3] = g.pixels(fine)
		out = in[3].Len()
	}
	in[0] = g.Normal(n, c, p)
	if g.coin() {
		a["mode"] = "unpool"
		in[1] = graph.NewTensor(graph.Int64, n, c, p)
		index := graph.Data[int64](in[1])
		for i := range index {
			index[i] = -1
		}
		for m := range int(n * c) {
			places := g.Perm(int(max(p, out)))
			for i := range int(p) {
				if places[i] < int(out) {
					index[m*int(p)+i] = int64(places[i])
				}
			}
		}
	}
	in = trim(in)
	return Case{Op: "HealpixUpsample", Attrs: a, In: in, Dynamic: g.dynamic(in), Outputs: 1}
}

// Reorder returns a case of HealpixReorder.
func (g *Gen) Reorder() Case {
	order, nside := g.order()
	a := graph.Attrs{"nside": nside, "from": order.String()}
	if order == healpix.Nested || nside&(nside-1) == 0 {
		g.set(a, "to", "NEST", "RING", "XY")
	} else {
		a["to"] = pick(g, "RING", "XY")
	}
	g.set(a, "rotate", 90, 180, 270)
	g.set(a, "flip_ew", 1)
	g.set(a, "flip_ns", 1)
	shape := append(pick(g, nil, []int64{3}, []int64{2, 3}, []int64{0, 1}), int64(12*nside*nside))
	in := []*graph.Tensor{pick(g, g.Normal(shape...), g.bools(0.5, shape...))}
	return Case{Op: "HealpixReorder", Attrs: a, In: in, Dynamic: []bool{true}, Outputs: 1}
}

// family returns an order, a coarse nside and a factor.
func (g *Gen) family() (order healpix.Order, nside, factor int) {
	order = pick(g, healpix.Nested, healpix.Ring, healpix.XY)
	nside = pick(g, 1, 2, 4)
	if order != healpix.Nested {
		nside = pick(g, 1, 2, 3, 5)
	}
	return order, nside, pick(g, 1, 2, 4)
}
