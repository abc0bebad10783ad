//go:build cgo && !purego && (linux || darwin)

package ort

// #include "customop.h"
// #include <stdlib.h>
import "C"

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/astronnx/astronnx/healpix"
)

// moves are the tables in use by which pooling, upsampling and reordering find their pixels.
var moves cache[moveKey, *C.ax_moves]

type moveKey struct {
	spec     moveSpec
	from, to [sha256.Size]byte
}

// moveSpec is what an operator's attributes say of how pixels move.
type moveSpec struct {
	op            C.int64_t
	nside, factor int
	order, to     healpix.Order
	turns         int
	flipEW        bool
	flipNS        bool
}

// moveTable is ax_moves in Go.
type moveTable struct {
	in, out, per, spread int
	at                   []int32
	ids                  []int64
}

//export astronnxMoves
func astronnxMoves(spec *C.ax_move_spec, from *C.int64_t, nFrom C.int64_t, to *C.int64_t, nTo C.int64_t,
	out **C.ax_moves) (text *C.char) {
	const name = "HEALPix pixels"
	defer caught(name, &text)
	s, err := moveSpecOf(spec)
	if err == nil {
		a, b := int64s(from, int(nFrom)), int64s(to, int(nTo))
		*out, err = moves.acquire(moveKey{s, digest(a), digest(b)}, func(id int64) (*C.ax_moves, error) { return makeMoves(id, s, a, b) })
	}
	if err != nil {
		return C.CString(name + ": " + err.Error())
	}
	return nil
}

//export astronnxMovesFree
func astronnxMovesFree(id C.int64_t) {
	moves.release(int64(id), func(m *C.ax_moves) { C.ax_moves_free(m) })
}

func moveSpecOf(c *C.ax_move_spec) (s moveSpec, err error) {
	s = moveSpec{op: c.op, nside: int(c.nside), factor: int(c.factor), turns: int(c.rotate) / 90, flipEW: c.flip_ew != 0, flipNS: c.flip_ns != 0}
	if s.order, err = healpix.ParseOrder(C.GoString(&c.order[0])); err != nil {
		return s, err
	}
	if s.to, err = healpix.ParseOrder(C.GoString(&c.to[0])); err != nil {
		return s, err
	}
	if s.factor < 1 || s.factor > healpix.MaxNside || bits.OnesCount(uint(s.factor)) != 1 {
		return s, fmt.Errorf("factor is %d: expected a power of two", s.factor)
	}
	if c.rotate < 0 || c.rotate > 270 || c.rotate%90 != 0 {
		return s, fmt.Errorf("rotate is %d: expected 0, 90, 180 or 270", int(c.rotate))
	}
	return s, nil
}

func makeMoves(id int64, s moveSpec, from, to []int64) (*C.ax_moves, error) {
	var t *moveTable
	var err error
	switch s.op {
	case C.ax_op_pool:
		t, err = poolMoves(s, from)
	case C.ax_op_upsample:
		t, err = upsampleMoves(s, from, to)
	default:
		t, err = reorderMoves(s)
	}
	if err != nil {
		return nil, err
	}
	if t.in > 1<<31-1 {
		return nil, fmt.Errorf("the map has %d pixels, the kernel takes fewer than 2^31", t.in)
	}
	c := C.ax_moves_new(C.int64_t(t.in), C.int64_t(t.out), C.int64_t(t.per), C.int64_t(t.spread), (*C.int32_t)(unsafe.SliceData(t.at)),
		(*C.int64_t)(unsafe.SliceData(t.ids)), C.int64_t(id))
	if c == nil {
		return nil, fmt.Errorf("no memory for %d pixels", t.out)
	}
	return c, nil
}

// grids returns the coarse and the fine grid of an operator on maps of nside.
func (s moveSpec) grids() (coarse, fine healpix.Grid, err error) {
	g, err := healpix.New(s.nside, s.order)
	if err != nil {
		return g, g, err
	}
	if s.op == C.ax_op_pool {
		if s.nside%s.factor != 0 {
			return g, g, fmt.Errorf("nside is %d: expected a multiple of factor %d", s.nside, s.factor)
		}
		coarse, err = healpix.New(s.nside/s.factor, s.order)
		return coarse, g, err
	}
	if s.nside > healpix.MaxNside/s.factor {
		return g, g, fmt.Errorf("nside %d times factor %d is more than 2^29", s.nside, s.factor)
	}
	fine, err = healpix.New(s.nside*s.factor, s.order)
	return g, fine, err
}

// fours is the table of a pool of four on the whole sphere.
func fours(nside int, order healpix.Order) (*moveTable, error) {
	return poolMoves(moveSpec{op: C.ax_op_pool, nside: nside, factor: 2, order: order}, nil)
}

// poolMoves lists the children of each parent as NESTED numbers them.
func poolMoves(s moveSpec, pixels []int64) (*moveTable, error) {
	coarse, fine, err := s.grids()
	if err != nil {
		return nil, err
	}
	sky, err := newSupport(fine, pixels)
	if err != nil {
		return nil, err
	}
	per := s.factor * s.factor
	t := &moveTable{in: sky.size(), out: coarse.Npix(), per: per, spread: 1}
	if pixels == nil && s.order == healpix.Nested {
		return t, nil
	}
	if pixels != nil {
		for _, p := range pixels {
			t.ids = append(t.ids, int64(fine.Parent(int(p), s.factor)))
		}
		slices.Sort(t.ids)
		t.ids = slices.Compact(t.ids)
		t.out = len(t.ids)
	}
	t.at = make([]int32, t.out*per)
	for p := range t.out {
		id := p
		if t.ids != nil {
			id = int(t.ids[p])
		}
		face, x, y := coarse.Face(id)
		for k := range per {
			cx, cy := unspread(k), unspread(k>>1)
			t.at[p*per+k] = int32(sky.position(fine.Pixel(face, x*s.factor+cx, y*s.factor+cy)))
		}
	}
	return t, nil
}

// unspread gathers the even bits of k.
func unspread(k int) int {
	x := 0
	for b := 0; k>>(2*b) > 0; b++ {
		x |= k >> (2 * b) & 1 << b
	}
	return x
}

// upsampleMoves lists the parent of each pixel of to, or of all children of from.
func upsampleMoves(s moveSpec, from, to []int64) (*moveTable, error) {
	coarse, fine, err := s.grids()
	if err != nil {
		return nil, err
	}
	parents, err := newSupport(coarse, from)
	if err != nil {
		return nil, err
	}
	children, err := newSupport(fine, to)
	if err != nil {
		return nil, err
	}
	per := s.factor * s.factor
	t := &moveTable{in: parents.size(), per: 1, spread: per}
	t.out = t.in * per
	if to == nil && s.order == healpix.Nested {
		return t, nil // children follow each other as their parents do
	}
	if to == nil && from != nil {
		var ids []int64
		for _, p := range from {
			face, x, y := coarse.Face(int(p))
			for k := range per {
				ids = append(ids, int64(fine.Pixel(face, x*s.factor+k%s.factor, y*s.factor+k/s.factor)))
			}
		}
		slices.Sort(ids)
		children = &support{grid: fine, ids: ids}
	}
	t.out = children.size()
	t.at = make([]int32, t.out)
	for p := range t.at {
		t.at[p] = int32(parents.position(fine.Parent(children.id(p), s.factor)))
	}
	return t, nil
}

// The face that a mirror puts in the place of each.
var (
	mirroredEW = [12]int{3, 2, 1, 0, 4, 7, 6, 5, 11, 10, 9, 8}
	mirroredNS = [12]int{8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3}
)

// reorderMoves lists where each pixel comes from when the sky is turned, mirrored and numbered anew.
func reorderMoves(s moveSpec) (*moveTable, error) {
	from, err := healpix.New(s.nside, s.order)
	if err != nil {
		return nil, err
	}
	to, err := healpix.New(s.nside, s.to)
	if err != nil {
		return nil, err
	}
	t := &moveTable{in: from.Npix(), out: from.Npix(), per: 1, spread: 1}
	if s.order == s.to && s.turns == 0 && !s.flipEW && !s.flipNS {
		return t, nil
	}
	t.at = make([]int32, t.out)
	for p := range t.at {
		f, x, y := from.Face(p)
		f = f/4*4 + (f+s.turns)%4
		if s.flipEW {
			f, x, y = mirroredEW[f], y, x
		}
		if s.flipNS {
			f, x, y = mirroredNS[f], s.nside-1-y, s.nside-1-x
		}
		t.at[to.Pixel(f, x, y)] = int32(p)
	}
	return t, nil
}
