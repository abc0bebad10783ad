//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/healpix"
)

// convSpec is what decides which pixels the taps of a HealpixConv read, beside its index and pixels.
type convSpec struct {
	nside            int
	order            healpix.Order
	taps             healpix.TapOrder // of the columns of index
	missing, outside string           // policies: zero, center, renorm; missing also hpxpad
	pairs            int              // of channels that are Q and U
	iau              bool             // their sign
	pooled           bool             // outputs stand as the pool of four behind reads them
}

// What a tap reads instead of an input pixel.
const (
	readsZero    = -1 // zero, which counts
	readsNothing = -2 // nothing: the tap is left out and the window renormalised
)

// convFill is a tap that reads the mean of two pixels; b is -1 where it is half of a.
type convFill struct{ pixel, tap, a, b int64 }

// convTable tells what every tap of every output pixel reads: an input position, or readsZero or readsNothing. Columns are in
// lattice order. Fills override their entry.
type convTable struct {
	in, out int
	entries []int32 // [out][9]
	fills   []convFill
	turns   []float32 // [out][9][2]: cos 2α and sin 2α by which what is read turns on the way to the centre; nil without pairs
}

const taps = 9

// newConvTable applies a node's policies, as healpixop's HealpixConv states them, to its index, nil for the windows of the sphere,
// and its pixels, nil for a full sky. in is the number of pixels of its input.
func newConvTable(s convSpec, index, pixels []int64, in int) (*convTable, error) {
	g, err := healpix.New(s.nside, s.order)
	if err != nil {
		return nil, err
	}
	sky, err := newSupport(g, pixels)
	if err != nil {
		return nil, err
	}
	if in != sky.size() {
		return nil, fmt.Errorf("the map has %d pixels, expected %d", in, sky.size())
	}
	if in > 1<<31-1 {
		return nil, fmt.Errorf("the map has %d pixels, the kernel takes fewer than 2^31", in)
	}
	t := &convTable{in: in, out: in}
	if index != nil {
		t.out = len(index) / taps
	}
	centred := t.out == in
	if !centred && (s.missing == "center" || s.missing == "hpxpad" || pixels != nil && s.missing != s.outside) {
		return nil, fmt.Errorf("index has %d rows for %d pixels, so that its rows have no known centre: missing %q with outside %q "+
			"cannot be told", t.out, in, s.missing, s.outside)
	}
	if s.pairs > 0 && (s.missing == "hpxpad" || !centred) {
		return nil, fmt.Errorf("spin_pairs with missing %q and %d rows of index for %d pixels: expected another policy than hpxpad and as "+
			"many rows as pixels", s.missing, t.out, in)
	}
	t.read(s, sky, index, centred)
	if s.pairs > 0 {
		t.turn(s, sky)
	}
	if s.pooled {
		return t, t.gather(s)
	}
	return t, nil
}

// gather puts the outputs of a whole sphere in the order in which a pool reads them: the children of each parent together.
func (t *convTable) gather(s convSpec) error {
	pool, err := fours(s.nside, s.order)
	if err != nil {
		return err
	}
	if pool.in != t.out {
		return fmt.Errorf("%d outputs for a pool of %d pixels", t.out, pool.in)
	}
	if pool.at == nil {
		return nil // as they stand
	}
	place := make([]int64, t.out)
	entries := make([]int32, len(t.entries))
	var turns []float32
	if t.turns != nil {
		turns = make([]float32, len(t.turns))
	}
	for to, from := range pool.at {
		place[from] = int64(to)
		copy(entries[to*taps:(to+1)*taps], t.entries[from*taps:])
		if turns != nil {
			copy(turns[to*2*taps:(to+1)*2*taps], t.turns[from*2*taps:])
		}
	}
	for i := range t.fills {
		t.fills[i].pixel = place[t.fills[i].pixel]
	}
	t.entries, t.turns = entries, turns
	return nil
}

func (t *convTable) read(s convSpec, sky *support, index []int64, centred bool) {
	if index == nil && sky.ids == nil {
		t.entries, _ = healpix.WindowTable[int32](sky.grid, 3, 1)
	} else {
		t.entries = make([]int32, t.out*taps)
	}
	column := s.taps.ToLattice()
	var window [taps]int
	for p := range t.out {
		row := t.entries[p*taps : p*taps+taps : p*taps+taps]
		if index != nil {
			for k, c := range column {
				row[k] = readsZero
				if e := index[p*taps+c]; e >= 0 && e < int64(t.in) {
					row[k] = int32(e)
				}
			}
		}
		known := index == nil && sky.ids != nil
		if known {
			sky.grid.Window(window[:], sky.id(p), 3, 1)
			for k, q := range window {
				row[k] = int32(sky.position(q))
			}
		}
		if slices.Min(row) >= 0 {
			continue
		}
		if centred && !known {
			sky.grid.Window(window[:], sky.id(p), 3, 1)
		}
		t.apply(s, sky, p, row, &window, centred)
	}
}

// apply puts the policies in the place of a row's missing entries. window is what the sphere has there, if the row is centred.
func (t *convTable) apply(s convSpec, sky *support, p int, row []int32, window *[taps]int, centred bool) {
	found := [taps]int32(row)
	for k, e := range found {
		if e >= 0 {
			continue
		}
		hole := centred && window[k] < 0
		switch {
		case sky.ids != nil && !hole:
			row[k] = instead(s.outside, p)
		case s.missing != "hpxpad":
			row[k] = instead(s.missing, p)
		case hole:
			t.fill(s, sky, p, k, row, &found)
		default:
			row[k] = readsZero
		}
	}
}

func (t *convTable) turn(s convSpec, sky *support) {
	t.turns = make([]float32, 2*len(t.entries))
	for i, e := range t.entries {
		if e < 0 {
			continue
		}
		sin, cos := math.Sincos(2 * sky.grid.Transport(sky.id(int(e)), sky.id(i/taps)))
		if s.iau {
			sin = -sin
		}
		t.turns[2*i], t.turns[2*i+1] = float32(cos), float32(sin)
	}
}

func instead(policy string, p int) int32 {
	switch policy {
	case "center":
		return int32(p)
	case "renorm":
		return readsNothing
	}
	return readsZero
}

// sides[tap] are the lattice taps beside the hole at a lattice tap, by band of the face: north, equator, south.
var sides = [taps][3][2]int{
	0: {1: {1, 3}},
	2: {0: {1, 1}, 2: {5, 5}},
	6: {0: {3, 3}, 2: {7, 7}},
	8: {1: {5, 7}},
}

// fill makes tap k of pixel p, a hole, the mean of the taps at either side.
func (t *convTable) fill(s convSpec, sky *support, p, k int, row []int32, found *[taps]int32) {
	face, _, _ := sky.grid.Face(sky.id(p))
	var reads [2]int32
	for i, tap := range sides[k][face/4] {
		e := found[tap]
		if e < 0 {
			e = readsZero
			if sky.ids != nil {
				e = instead(s.outside, p)
			}
		}
		reads[i] = e
	}
	a, b := max(reads[0], reads[1]), min(reads[0], reads[1])
	switch {
	case a < 0: // nothing only if both sides are left out
		row[k] = a
	case b == a || b == readsNothing:
		row[k] = a
	default:
		row[k] = a
		t.fills = append(t.fills, convFill{int64(p), int64(k), int64(a), int64(max(b, readsZero))})
	}
}

// scale returns 9/(9-R) for the R taps of each pixel that are left out, 0 where all are; nil where no tap is.
func (t *convTable) scale() []float32 {
	var scale []float32
	for p := range t.out {
		left := taps
		for _, e := range t.entries[p*taps : p*taps+taps] {
			if e == readsNothing {
				left--
			}
		}
		if left == taps {
			continue
		}
		if scale == nil {
			scale = slices.Repeat([]float32{1}, t.out)
		}
		scale[p] = 0
		if left > 0 {
			scale[p] = taps / float32(left)
		}
	}
	return scale
}

// support is the set of pixels on which a map lives: all of a grid, or ascending ids.
type support struct {
	grid  healpix.Grid
	ids   []int64
	place []int32 // by pixel, -1 where it is not in ids; nil on a sphere too large for it
}

// denseSphere is the number of pixels up to which positions are looked up in a table.
const denseSphere = 1 << 26

func newSupport(g healpix.Grid, ids []int64) (*support, error) {
	s := &support{grid: g, ids: ids}
	if ids == nil {
		return s, nil
	}
	for i, id := range ids {
		if id < 0 || id >= int64(g.Npix()) || i > 0 && id <= ids[i-1] {
			return nil, fmt.Errorf("pixels[%d] is %d: expected ascending pixels of %s, each once", i, id, g)
		}
	}
	if g.Npix() <= denseSphere {
		s.place = slices.Repeat([]int32{-1}, g.Npix())
		for i, id := range ids {
			s.place[id] = int32(i)
		}
	}
	return s, nil
}

func (s *support) size() int {
	if s.ids == nil {
		return s.grid.Npix()
	}
	return len(s.ids)
}

func (s *support) id(position int) int {
	if s.ids == nil {
		return position
	}
	return int(s.ids[position])
}

// position returns where a pixel stands in the map, -1 if it does not, or is -1 itself.
func (s *support) position(pixel int) int {
	switch {
	case pixel < 0 || s.ids == nil:
		return pixel
	case s.place != nil:
		return int(s.place[pixel])
	}
	if i, ok := slices.BinarySearch(s.ids, int64(pixel)); ok {
		return i
	}
	return -1
}
