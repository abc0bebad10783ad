package healpixop

import (
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// kinds of an entry of HealpixNeighbors' index.
const (
	kindValid   = 0
	kindHole    = 1 // the sphere has no such pixel
	kindOutside = 2 // the support has not
)

// HealpixNeighbors is the table of 3×3 windows: index [P_out, 9] holds for each pixel of pixels (absent: all) the
// positions of its window in support (absent: all pixels), in tap_order; -1 where there is none. kind says why.
//
//	HealpixNeighbors(pixels?, support?) → index, kind?
//
// Attributes: nside, order = NEST, tap_order = lattice. It is never registered as a kernel: as a body it is folded when
// a file is opened, and convolutions of one nside then share the constant.
var _ = set.Define(ops.Op{
	Name: "HealpixNeighbors", Since: 1,
	Infer:   inferNeighbors,
	Eval:    evalNeighbors,
	NoGrad:  "its inputs and outputs are integers",
	Expand:  expandNeighbors,
	Forward: []string{"nside"},
	Exact:   ops.Bitwise,
	Grow:    ops.BySphere,
	Cases: `
		nside1    nside=1 tap_order="nnhealpix"  ->  i64[12 9]
			0 4 -1 3 2 1 -1 5 8     1 5 -1 0 3 2 -1 6 9     2 6 -1 1 0 3 -1 7 10    3 7 -1 2 1 0 -1 4 11
			4 11 7 3 -1 0 5 8 -1    5 8 4 0 -1 1 6 9 -1     6 9 5 1 -1 2 7 10 -1    7 10 6 2 -1 3 4 11 -1
			8 11 -1 4 0 5 -1 9 10   9 8 -1 5 1 6 -1 10 11   10 9 -1 6 2 7 -1 11 8   11 10 -1 7 3 4 -1 8 9
		nested    nside=4  i64[2] 0 1  ->  i64[2 9] 3 1 91 2 0 90 71 69 143  6 4 94 3 1 91 2 0 90
		ring      nside=16 order="RING" tap_order="nnhealpix"  i64[1] 1  ->  i64[1 9] 1 6 5 0 3 2 8 7 16
		slots     nside=16 order="RING" tap_order="center_mid"  i64[1] 480
			->  i64[1 9] 544 -1 543 479 480 420 481 545 608
		partial   nside=4  i64[1] 5  i64[3] 4 5 7  ->  i64[1 9] -1 -1 -1 2 1 -1 -1 0 -1  i8[1 9] 2 2 1 0 0 2 2 0 2`,
})

func inferNeighbors(c *ops.Inference) ([]*graph.Type, error) {
	a := c.Node.Attrs
	g, known, err := gridOf(a)
	if err != nil {
		return nil, err
	}
	if _, err := oneOf(a, "tap_order", "lattice", "nnhealpix", "center_mid"); err != nil {
		return nil, err
	}
	if _, err := oneOf(a, "stencil", "window"); err != nil {
		return nil, err
	}
	if err := window3(a); err != nil {
		return nil, err
	}
	rows, err := pixelDim(c, graph.Sym(""), 0, "pixels", g, known)
	if err != nil {
		return nil, err
	}
	if _, err := pixelDim(c, graph.Sym(""), 1, "support", g, known); err != nil {
		return nil, err
	}
	table := func(d graph.DType) *graph.Type { return graph.TensorType(d, rows, graph.D(taps)) }
	return []*graph.Type{table(graph.Int64), table(graph.Int8)}, nil
}

func evalNeighbors(c *ops.Call) ([]*graph.Tensor, error) {
	g, _, err := gridOf(c.Node.Attrs)
	if err != nil {
		return nil, err
	}
	centres, err := newSky("pixels", g, int64s(c.Input(0)))
	if err != nil {
		return nil, err
	}
	support, err := newSky("support", g, int64s(c.Input(1)))
	if err != nil {
		return nil, err
	}
	order := tapOrders[c.Node.Attrs.Str("tap_order", "lattice")]
	n := int64(centres.size())
	index := c.Output(graph.Int64, n, taps)
	kind := c.Output(graph.Int8, n, taps)
	at, why := graph.Data[int64](index), graph.Data[int8](kind)
	var window [taps]int
	for i := range centres.size() {
		g.Window(window[:], centres.id(i), 3, 1)
		for k, tap := range order {
			e := i*taps + k
			at[e] = int64(support.position(window[tap]))
			switch {
			case window[tap] < 0:
				why[e] = kindHole
			case at[e] < 0:
				why[e] = kindOutside
			}
		}
	}
	return []*graph.Tensor{index, kind}[:max(1, len(c.Node.Out))], nil
}

func expandNeighbors(b *ops.Builder, n *graph.Node) []*graph.Value {
	order, _ := healpix.ParseOrder(n.Attrs.Str("order", "NEST"))
	l := newLattice(body{b}, n.Attrs["nside"], order)
	raw := l.windows(tapOrders[n.Attrs.Str("tap_order", "lattice")], n.Input(0))
	index := raw
	if support := n.Input(1); support != nil {
		index = l.gather(l.positions(l.npix(), support), 0, raw)
	}
	if len(n.Out) < 2 {
		return []*graph.Value{index}
	}
	// An entry is none where it is a hole, kind 2-1, and where it is outside, kind 2-0.
	count := func(x *graph.Value) *graph.Value {
		return b.Op("Cast", graph.Attrs{"to": graph.Int64}, l.less(x, b.Int(0)))
	}
	kind := l.sub(l.mul(count(index), b.Int(kindOutside)), count(raw))
	return []*graph.Value{index, b.Op("Cast", graph.Attrs{"to": graph.Int8}, kind)}
}

// windows returns the pixels of the 3×3 window of each of pixels (nil: all), [P, 9], -1 where there is none.
func (l *lattice) windows(tapOrder []int, pixels *graph.Value) *graph.Value {
	halo := l.flat(l.haloed())
	width := l.add(l.n, l.Int(2))
	x, y := l.Reshape(l.along().x, 1, -1, 1), l.Reshape(l.along().x, 1, 1, -1)
	// Where each pixel lies in the haloed image, by lattice and then by number.
	place := l.add(l.mul(l.add(l.mul(l.faceNumbers(), width), l.add(x, l.Int(1))), width), l.add(y, l.Int(1)))
	place = l.invert(l.image(), place)
	if pixels != nil {
		place = l.gather(place, 0, pixels)
	}
	dx, dy := make([]int64, taps), make([]int64, taps)
	for k, tap := range tapOrder {
		dx[k], dy[k] = int64(1-tap/3), int64(1-tap%3)
	}
	step := l.add(l.mul(l.ints(dx...), width), l.ints(dy...))
	return l.gather(halo, 0, l.add(l.Reshape(place, -1, 1), step))
}
