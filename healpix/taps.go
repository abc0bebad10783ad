package healpix

import "fmt"

// TapOrder is an order of the nine taps of a 3×3 kernel, as network libraries have them.
type TapOrder uint8

// Lattice is this package's order, that of Window.
const (
	Lattice   TapOrder = iota // N NE E NW C SE W SW S: Window, and 3×3 kernels on the padded faces of earth2grid and DLWP
	NNhealpix                 // C SW W NW N NE E SE S: ai4cmb/NNhealpix, and tables made of the pixel and its neighbours
	CenterMid                 // SW W NW N C NE E SE S: aasensio/sphericalCNN
	SouthXY                   // S SE E SW C NE W NW N: arrays with their origin in the face's south
)

var tapOrders = [...]struct {
	name      string
	toLattice [9]int
}{
	Lattice:   {"lattice", [9]int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
	NNhealpix: {"nnhealpix", [9]int{4, 5, 6, 3, 0, 7, 2, 1, 8}},
	CenterMid: {"center_mid", [9]int{3, 5, 6, 2, 4, 7, 1, 0, 8}},
	SouthXY:   {"south_xy", [9]int{8, 5, 2, 7, 4, 1, 6, 3, 0}},
}

// String returns lattice, nnhealpix, center_mid or south_xy, the spelling of the operators' tap_order attribute.
func (o TapOrder) String() string {
	if int(o) < len(tapOrders) {
		return tapOrders[o].name
	}
	return fmt.Sprintf("TapOrder(%d)", uint8(o))
}

// ParseTapOrder reads what String writes.
func ParseTapOrder(s string) (TapOrder, error) {
	for o, t := range tapOrders {
		if t.name == s {
			return TapOrder(o), nil
		}
	}
	return 0, fmt.Errorf("healpix: tap order %q: want lattice, nnhealpix, center_mid or south_xy", s)
}

// ToLattice returns where the taps of the lattice order are in o: a kernel w in o is w[o.ToLattice()[t]], for t = 0
// to 8, in the lattice order.
func (o TapOrder) ToLattice() [9]int { return tapOrders[o].toLattice }

// FromLattice returns where the taps of o are in the lattice order; it is the inverse permutation of ToLattice.
func (o TapOrder) FromLattice() [9]int {
	var inverse [9]int
	for t, u := range o.ToLattice() {
		inverse[u] = t
	}
	return inverse
}

// ChildOrder is an order of the four children of a pixel. It matters where each child has a weight of its own.
type ChildOrder uint8

// NestedChildren is this package's order, that of Children.
const (
	NestedChildren    ChildOrder = iota // S, E, W, N: consecutive NESTED pixels
	NNhealpixChildren                   // S, W, E, N: ai4cmb/NNhealpix
	RowChildren                         // N, E, W, S: 2×2 kernels on face arrays, origin in the north, as XY
)

var childOrders = [...][4]int{NestedChildren: {0, 1, 2, 3}, NNhealpixChildren: {0, 2, 1, 3}, RowChildren: {3, 1, 2, 0}}

// Nested returns the children of the order as NESTED counts them, (x mod 2) + 2 (y mod 2). All these permutations
// are their own inverses.
func (o ChildOrder) Nested() [4]int { return childOrders[o] }
