package healpixop

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
)

// family relates the pixels of two resolutions a factor 2^m apart: factor×factor children lie in each parent, in the
// order in which NESTED numbers them.
type family struct {
	coarse, fine healpix.Grid
	factor       int
}

// factorOf returns the attribute factor.
func factorOf(a graph.Attrs) (int, error) {
	if err := checkKind(a, graph.IntAttr, "factor"); err != nil {
		return 0, err
	}
	f := a.Int("factor", 2)
	if f < 1 || f > healpix.MaxNside || bits.OnesCount64(uint64(f)) != 1 {
		return 0, fmt.Errorf("factor is %d: expected a power of two", f)
	}
	return int(f), nil
}

// familyBelow is the family of a coarse grid with one factor times as fine.
func familyBelow(coarse healpix.Grid, factor int) (family, error) {
	if coarse.Nside() > healpix.MaxNside/factor {
		return family{}, fmt.Errorf("nside %d times factor %d is more than 2^29", coarse.Nside(), factor)
	}
	fine, err := healpix.New(coarse.Nside()*factor, coarse.Order())
	return family{coarse, fine, factor}, err
}

// familyAbove is the family of a fine grid with one of a factor-th of its nside.
func familyAbove(fine healpix.Grid, factor int) (family, error) {
	if fine.Nside()%factor != 0 {
		return family{}, fmt.Errorf("nside is %d: expected a multiple of factor %d", fine.Nside(), factor)
	}
	coarse, err := healpix.New(fine.Nside()/factor, fine.Order())
	return family{coarse, fine, factor}, err
}

func (f family) parent(pixel int) int {
	face, x, y := f.fine.Face(pixel)
	return f.coarse.Pixel(face, x/f.factor, y/f.factor)
}

func (f family) children(parent int) []int {
	face, x, y := f.coarse.Face(parent)
	ids := make([]int, f.factor*f.factor)
	for i := range ids {
		cx, cy := 0, 0
		for b := range bits.Len(uint(i)) {
			cx |= i >> (2 * b) & 1 << b
			cy |= i >> (2*b + 1) & 1 << b
		}
		ids[i] = f.fine.Pixel(face, x*f.factor+cx, y*f.factor+cy)
	}
	return ids
}

// parents returns the distinct parents of ascending pixels, ascending.
func (f family) parents(pixels []int64) []int64 {
	ids := make([]int64, len(pixels))
	for i, p := range pixels {
		ids[i] = int64(f.parent(int(p)))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// offspring returns all children of ascending pixels, ascending.
func (f family) offspring(pixels []int64) []int64 {
	ids := make([]int64, 0, len(pixels)*f.factor*f.factor)
	for _, p := range pixels {
		for _, c := range f.children(int(p)) {
			ids = append(ids, int64(c))
		}
	}
	slices.Sort(ids)
	return ids
}

// familyBody is a family inside a body, in one order.
type familyBody struct {
	body
	coarse, fine *lattice
	factor, area *graph.Value // scalars; area is factor²
}

// factorOf returns the attribute factor.
func (b body) factorOf(a graph.Attrs) *graph.Value {
	if v, given := a["factor"]; given {
		return b.attr(v)
	}
	return b.Int(2)
}

func familyBodyBelow(coarse *lattice, factor *graph.Value) *familyBody {
	fine := coarse.at(coarse.mul(coarse.n, factor))
	return &familyBody{coarse.body, coarse, fine, factor, coarse.mul(factor, factor)}
}

func familyBodyAbove(fine *lattice, factor *graph.Value) *familyBody {
	coarse := fine.at(fine.div(fine.n, factor))
	return &familyBody{fine.body, coarse, fine, factor, fine.mul(factor, factor)}
}

func (f *familyBody) nested() bool { return f.coarse.order == healpix.Nested }

// children returns the children of each of parents, [parents, factor²]; nil: of all.
func (f *familyBody) children(parents *graph.Value) *graph.Value {
	if f.nested() {
		if parents == nil {
			parents = f.rangeOf(f.coarse.npix())
		}
		return f.add(f.mul(f.Reshape(parents, -1, 1), f.area), f.rangeOf(f.area))
	}
	// In the flat image of the fine faces a child lies at the place of its parent's corner and (x, y) within the parent
	// on.
	row := f.fine.n
	x := f.coarse.along().x
	face := f.mul(f.coarse.faceNumbers(), f.mul(f.coarse.n, row))
	corner := f.mul(f.add(face, f.add(f.mul(f.Reshape(x, 1, -1, 1), row), x)), f.factor)
	at := f.invert(f.coarse.image(), corner)
	if parents != nil {
		at = f.gather(at, 0, parents)
	}
	cx := f.rangeOf(f.factor)
	spread := f.spreadBits(cx) // NESTED interleaves x and y
	number := f.add(f.Reshape(spread, -1, 1), f.mul(spread, f.Int(2)))
	within := f.invert(number, f.add(f.mul(f.Reshape(cx, -1, 1), row), cx))
	return f.gather(f.flat(f.fine.image()), 0, f.add(f.Reshape(at, -1, 1), within))
}

// parents returns the parent of each of pixels; nil: of all.
func (f *familyBody) parents(pixels *graph.Value) *graph.Value {
	if f.nested() {
		if pixels == nil {
			pixels = f.rangeOf(f.fine.npix())
		}
		return f.div(pixels, f.area)
	}
	n, k, one := f.vec(f.coarse.n), f.vec(f.factor), f.Ints(1)
	faces := f.Op("Reshape", nil, f.coarse.image(), f.concat(0, f.Ints(12), n, one, n, one))
	faces = f.Op("Expand", nil, faces, f.concat(0, one, one, k, one, k))
	table := f.invert(f.fine.image(), faces)
	if pixels != nil {
		table = f.gather(table, 0, pixels)
	}
	return table
}

// offspring returns all children of pixels, ascending.
func (f *familyBody) offspring(pixels *graph.Value) *graph.Value {
	return f.distinct(f.flat(f.children(pixels)), f.fine.npix())
}

// ancestry returns the distinct parents of pixels, ascending.
func (f *familyBody) ancestry(pixels *graph.Value) *graph.Value {
	return f.distinct(f.parents(pixels), f.coarse.npix())
}

// distinct returns the distinct elements of a vector, ascending; all are below npix.
func (b body) distinct(x, npix *graph.Value) *graph.Value {
	there := b.Op("ScatterElements", graph.Attrs{"axis": 0}, b.fill(b.vec(npix), 0), x, b.fill(b.sizes(x, 0, 1), 1))
	return b.flat(b.Op("NonZero", nil, there))
}

// padPixels appends a zero, or false, behind the pixels of (.., .., P), for positions of -1.
func (b body) padPixels(x *graph.Value) *graph.Value {
	return b.Op("Pad", nil, x, b.Ints(0, 0, 0, 0, 0, 1))
}
