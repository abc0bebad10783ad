package healpixop

import (
	"fmt"
	"maps"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/ops"
)

// HealpixReorder changes the numbering of full-sky maps and turns or mirrors the sky.
//
//	HealpixReorder(X) → Y
//
// X (..., P) and Y are of any element type; the last axis is the pixels. Attributes: nside; from = NEST and to = NEST,
// the orders of X and Y; then what is done to the sky, in this order: rotate = 0, 90, 180 or 270 degrees towards the
// east, flip_ew = 1 mirrors longitude (φ → -φ), flip_ns = 1 mirrors latitude. These 16 are the symmetries that map
// pixels onto pixels exactly.
var _ = set.Define(ops.Op{
	Name: "HealpixReorder", Since: 1,
	Infer:   inferReorder,
	Eval:    evalReorder,
	Grad:    gradReorder,
	Expand:  expandReorder,
	Forward: []string{"nside"},
	Exact:   ops.Bitwise,
	Grow:    ops.BySphere,
	Cases: `
		nest-to-ring  nside=2 to="RING"  i64[48] 0..47  ->  i64[48]
			3 7 11 15 2 1 6 5 10 9 14 13 19 0 23 4 27 8 31 12 17 22 21 26
			25 30 29 18 16 35 20 39 24 43 28 47 34 33 38 37 42 41 46 45 32 36 40 44
		ring-is-nest  nside=1 from="RING"  [2 12] 0..23  ->  [2 12] 0..23
		xy            nside=2 to="XY"  i64[48] 0..47  ->  i64[48] 3 1 2 0 7 5 6 4 11 9 10 8 15 13 14 12 19 17 18 16 23 21 22 20
			27 25 26 24 31 29 30 28 35 33 34 32 39 37 38 36 43 41 42 40 47 45 46 44
		rotate        nside=1 rotate=90   [12] 0..11  ->  [12] 3 0 1 2 7 4 5 6 11 8 9 10
		flip-ew       nside=1 flip_ew=1   [12] 0..11  ->  [12] 3 2 1 0 4 7 6 5 11 10 9 8
		flip-ns       nside=1 flip_ns=1   [12] 0..11  ->  [12] 8 9 10 11 4 5 6 7 0 1 2 3
		all           nside=1 rotate=90 flip_ew=1 flip_ns=1  [12] 0..11  ->  [12] 10 9 8 11 7 6 5 4 2 1 0 3
		wrong-nside   nside=4  [48] 0..47  ->  error "expected 192, got 48"
		no-nested     nside=3  [108] 0..107  ->  error "nside"
		turn          nside=1 rotate=45  [12] 0..11  ->  error "rotate is 45"`,
})

// symmetry is one of the 16.
type symmetry struct {
	turns          int // quarter turns towards the east
	flipEW, flipNS bool
}

func symmetryOf(a graph.Attrs) (s symmetry, err error) {
	if err := checkKind(a, graph.IntAttr, "rotate", "flip_ew", "flip_ns"); err != nil {
		return s, err
	}
	rotate := a.Int("rotate", 0)
	if rotate%90 != 0 || rotate < 0 || rotate > 270 {
		return s, fmt.Errorf("rotate is %d: expected 0, 90, 180 or 270", rotate)
	}
	return symmetry{int(rotate / 90), a.Bool("flip_ew", false), a.Bool("flip_ns", false)}, nil
}

// mirrored faces: the face that the mirror puts in the place of each; both are their own inverse.
var (
	mirroredEW = []int64{3, 2, 1, 0, 4, 7, 6, 5, 11, 10, 9, 8}
	mirroredNS = []int64{8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3}
)

// apply moves a place on the sphere.
func (s symmetry) apply(f, x, y, nside int) (int, int, int) {
	f = f/4*4 + (f+s.turns)%4
	if s.flipEW {
		f, x, y = int(mirroredEW[f]), y, x
	}
	if s.flipNS {
		f, x, y = int(mirroredNS[f]), nside-1-y, nside-1-x
	}
	return f, x, y
}

func inferReorder(c *ops.Inference) ([]*graph.Type, error) {
	a := c.Node.Attrs
	var from healpix.Grid
	known := false
	for _, name := range []string{"to", "from"} {
		order, err := orderOf(a, name, "NEST")
		if err != nil {
			return nil, err
		}
		if from, known, err = gridIn(a, order); err != nil {
			return nil, err
		}
	}
	if _, err := symmetryOf(a); err != nil {
		return nil, err
	}
	x := c.Type(0).Clone()
	if x == nil || x.Rank() < 0 {
		return []*graph.Type{x}, nil
	}
	if x.Rank() == 0 {
		return nil, fmt.Errorf("input X is %s: expected at least one dimension", x)
	}
	last := x.Rank() - 1
	p, err := pixelDim(c, x.Shape[last], -1, "", from, known)
	if err != nil {
		return nil, err
	}
	x.Shape[last].Size, x.Shape[last].Param = p.Size, p.Param
	return []*graph.Type{x}, nil
}

func evalReorder(c *ops.Call) ([]*graph.Tensor, error) {
	if err := checkCall(c, inferReorder); err != nil {
		return nil, err
	}
	order, _ := orderOf(c.Node.Attrs, "from", "NEST")
	from, _, _ := gridIn(c.Node.Attrs, order)
	order, _ = orderOf(c.Node.Attrs, "to", "NEST")
	to, _, _ := gridIn(c.Node.Attrs, order)
	move, _ := symmetryOf(c.Node.Attrs)

	x := c.In[0]
	y := c.Output(x.DType, x.Shape...)
	p := from.Npix()
	size := x.DType.Bits() / 8
	for i := range int(x.Len()) {
		f, cx, cy := from.Face(i % p)
		j := i - i%p + to.Pixel(move.apply(f, cx, cy, from.Nside()))
		if x.DType == graph.String {
			y.Strings[j] = x.Strings[i]
		} else {
			copy(y.Raw[j*size:(j+1)*size], x.Raw[i*size:])
		}
	}
	return []*graph.Tensor{y}, nil
}

// gradReorder moves dY back. A mirror of longitude turns the sense of a rotation, so that with one the same rotation, done
// first again, undoes itself; the mirrors commute.
func gradReorder(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	attrs := maps.Clone(n.Attrs)
	attrs["from"], attrs["to"] = n.Attrs.Str("to", "NEST"), n.Attrs.Str("from", "NEST")
	if !n.Attrs.Bool("flip_ew", false) {
		attrs["rotate"] = (360 - n.Attrs.Int("rotate", 0)) % 360
	}
	return []*graph.Value{b.Op(Domain+":HealpixReorder", attrs, dy[0])}
}

func expandReorder(b *ops.Builder, n *graph.Node) []*graph.Value {
	from, _ := healpix.ParseOrder(n.Attrs.Str("from", "NEST"))
	to, _ := healpix.ParseOrder(n.Attrs.Str("to", "NEST"))
	move, err := symmetryOf(n.Attrs)
	if err != nil {
		panic("healpixop: " + err.Error())
	}
	if from == to && move == (symmetry{}) {
		return []*graph.Value{b.Op("Identity", nil, n.In[0])}
	}
	l := newLattice(body{b}, n.Attrs["nside"], from)
	source := l.moved(l.image(), move)
	index := l.invert(l.in(to).image(), source)
	return []*graph.Value{l.gather(n.In[0], -1, index)}
}

// moved applies a symmetry to an image of the faces.
func (b body) moved(image *graph.Value, s symmetry) *graph.Value {
	if s.turns > 0 {
		source := make([]int64, 12)
		for f := range source {
			source[f] = int64(f/4*4 + (f+4-s.turns)%4)
		}
		image = b.gather(image, 0, b.ints(source...))
	}
	if s.flipEW {
		image = b.gather(b.Transpose(image, 0, 2, 1), 0, b.ints(mirroredEW...))
	}
	if s.flipNS {
		image = b.edge(b.Transpose(image, 0, 2, 1), 0, 0, flipX|flipY)
		image = b.gather(image, 0, b.ints(mirroredNS...))
	}
	return image
}
