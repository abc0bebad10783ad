package healpixop

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
)

// Domain is the operator domain; all operators are version 1 of it.
const Domain = "ai.astronnx.healpix"

// taps is the size of the 3×3 window.
const taps = 9

// Taps of the window in lattice order. Tap (i, j) lies (1-i, 1-j) steps along x and y.
const (
	tapN = iota
	tapNE
	tapE
	tapNW
	tapC
	tapSE
	tapW
	tapSW
	tapS
)

// tapOrders lists, for each tap_order, the lattice taps in the order of W's last axis and of index's columns.
var tapOrders = map[string][]int{
	"lattice":    {tapN, tapNE, tapE, tapNW, tapC, tapSE, tapW, tapSW, tapS},
	"nnhealpix":  {tapC, tapSW, tapW, tapNW, tapN, tapNE, tapE, tapSE, tapS},
	"center_mid": {tapSW, tapW, tapNW, tapN, tapC, tapNE, tapE, tapSE, tapS},
}

// hole is a place where only three faces meet: the pixel at corner (cx, cy) of face, each 0 or 1 for the first or last
// of its axis, has no neighbour at tap. The policy hpxpad reads the mean of the taps at either side (for polar faces
// both are one) in its place.
type hole struct {
	face, cx, cy int
	tap          int
	fill         [2]int
}

// holes are the 24 of any sphere. At nside 1 two of them are at each pixel.
var holes = func() []hole {
	var hs []hole
	for f := range 12 {
		switch {
		case f < 4:
			hs = append(hs, hole{f, 1, 0, tapE, [2]int{tapNE, tapNE}}, hole{f, 0, 1, tapW, [2]int{tapNW, tapNW}})
		case f < 8:
			hs = append(hs, hole{f, 0, 0, tapS, [2]int{tapSE, tapSW}}, hole{f, 1, 1, tapN, [2]int{tapNE, tapNW}})
		default:
			hs = append(hs, hole{f, 1, 0, tapE, [2]int{tapSE, tapSE}}, hole{f, 0, 1, tapW, [2]int{tapSW, tapSW}})
		}
	}
	return hs
}()

// orderOf reads an attribute that names an order, spelled as healpix.Order prints it.
func orderOf(a graph.Attrs, name, def string) (healpix.Order, error) {
	if err := checkKind(a, graph.StringAttr, name); err != nil {
		return 0, err
	}
	s := a.Str(name, def)
	for _, o := range []healpix.Order{healpix.Nested, healpix.Ring, healpix.XY} {
		if s == o.String() {
			return o, nil
		}
	}
	return 0, fmt.Errorf("%s is %q: expected NEST, RING or XY", name, s)
}

// gridOf returns the grid that nside and order describe. ok is false, without an error, where nside refers to an
// attribute of the function around the node and so has no value yet.
func gridOf(a graph.Attrs) (g healpix.Grid, ok bool, err error) {
	order, err := orderOf(a, "order", "NEST")
	if err != nil {
		return g, false, err
	}
	return gridIn(a, order)
}

func gridIn(a graph.Attrs, order healpix.Order) (g healpix.Grid, ok bool, err error) {
	switch nside := a["nside"].(type) {
	case int64:
		if nside > healpix.MaxNside {
			return g, false, fmt.Errorf("nside is %d: expected at most 2^29", nside)
		}
		g, err = healpix.New(int(nside), order)
		return g, err == nil, err
	case graph.AttrRef:
		return g, false, nil
	case nil:
		return g, false, fmt.Errorf("attribute nside is missing")
	default:
		return g, false, fmt.Errorf("attribute nside is a %s: expected an int", graph.KindOf(nside))
	}
}

// oneOf returns a string attribute after checking it against the values that are known; the first is the default.
func oneOf(a graph.Attrs, name string, values ...string) (string, error) {
	if err := checkKind(a, graph.StringAttr, name); err != nil {
		return "", err
	}
	s := a.Str(name, values[0])
	if !slices.Contains(values, s) {
		return "", fmt.Errorf("%s is %q: expected one of %q", name, s, values)
	}
	return s, nil
}

// checkKind refuses attributes of another kind.
func checkKind(a graph.Attrs, kind graph.AttrKind, names ...string) error {
	for _, name := range names {
		if v, has := a[name]; has && graph.KindOf(v) != kind {
			return fmt.Errorf("attribute %s is a %s: expected a %s", name, graph.KindOf(v), kind)
		}
	}
	return nil
}

// onlyInt refuses values of an attribute that stand for what is not there yet.
func onlyInt(a graph.Attrs, name string, only int64) error {
	if err := checkKind(a, graph.IntAttr, name); err != nil {
		return err
	}
	if v := a.Int(name, only); v != only {
		return fmt.Errorf("%s is %d: only %d is supported", name, v, only)
	}
	return nil
}

// window3 refuses windows other than the plain 3×3.
func window3(a graph.Attrs) error {
	if err := cmp.Or(onlyInt(a, "kernel", 3), onlyInt(a, "dilation", 1), onlyInt(a, "stride", 1)); err != nil {
		return err
	}
	if err := checkKind(a, graph.IntsAttr, "pads"); err != nil {
		return err
	}
	if p := a.Ints("pads", []int64{1, 1}); !slices.Equal(p, []int64{1, 1}) {
		return fmt.Errorf("pads are %d: only [1 1] is supported", p)
	}
	return nil
}

// checkPixels refuses a list of pixels that is not ascending, unique and within g.
func checkPixels(what string, ids []int64, g healpix.Grid) error {
	if len(ids) == 0 {
		return fmt.Errorf("%s is empty", what)
	}
	for i, p := range ids {
		switch {
		case p < 0 || p >= int64(g.Npix()):
			return fmt.Errorf("%s[%d] is %d: expected 0 to %d at %s", what, i, p, g.Npix()-1, g)
		case i > 0 && p == ids[i-1]:
			return fmt.Errorf("%s[%d] repeats pixel %d: expected each pixel once", what, i, p)
		case i > 0 && p < ids[i-1]:
			return fmt.Errorf("%s[%d] is %d after %d: expected ascending pixels", what, i, p, ids[i-1])
		}
	}
	return nil
}

// sky is the set of pixels on which a map lives: all of a grid, or the ascending ids.
type sky struct {
	grid healpix.Grid
	ids  []int64 // nil: every pixel
	at   map[int64]int
}

func newSky(what string, g healpix.Grid, ids []int64) (*sky, error) {
	s := &sky{grid: g, ids: ids}
	if ids == nil {
		return s, nil
	}
	if err := checkPixels(what, ids, g); err != nil {
		return nil, err
	}
	s.at = make(map[int64]int, len(ids))
	for i, p := range ids {
		s.at[p] = i
	}
	return s, nil
}

func (s *sky) size() int {
	if s.ids == nil {
		return s.grid.Npix()
	}
	return len(s.ids)
}

// id returns the pixel at position i.
func (s *sky) id(i int) int {
	if s.ids == nil {
		return i
	}
	return int(s.ids[i])
}

// position returns where a pixel's value is, -1 if it is not there (or is itself -1).
func (s *sky) position(pixel int) int {
	if s.ids == nil || pixel < 0 {
		return pixel
	}
	if i, ok := s.at[int64(pixel)]; ok {
		return i
	}
	return -1
}

// int64s views an optional index input, nil if it is absent.
func int64s(t *graph.Tensor) []int64 {
	if t == nil {
		return nil
	}
	return graph.Data[int64](t)
}
