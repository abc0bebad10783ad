package healpix

import "fmt"

// Symmetry is one of the 16 rotations and reflections of the sphere that map pixels to pixels exactly, at every
// nside. The zero Symmetry changes nothing. Rotations by 45° are not among them.
type Symmetry uint8

// The generators. A Symmetry applies its rotation first, then its flips, which commute.
const (
	Rot90  Symmetry = 1 // phi grows by π/2; 2 and 3 are its multiples
	FlipNS Symmetry = 4 // theta becomes π - theta
	FlipEW Symmetry = 8 // phi becomes -phi
)

// Symmetries is their number: they are 0 to Symmetries-1.
const Symmetries = 16

// String returns for example "rot180 flip_ns".
func (s Symmetry) String() string {
	if s >= Symmetries {
		return fmt.Sprintf("Symmetry(%d)", uint8(s))
	}
	name := fmt.Sprint("rot", 90*int(s&3))
	if s&FlipNS != 0 {
		name += " flip_ns"
	}
	if s&FlipEW != 0 {
		name += " flip_ew"
	}
	return name
}

// Then returns the symmetry that applies s and then t.
func (s Symmetry) Then(t Symmetry) Symmetry {
	turn := t & 3
	if s&FlipEW != 0 { // a turn after a reflection of longitude is the opposite turn before it
		turn = -turn
	}
	return (s+turn)&3 | (s^t)&(FlipNS|FlipEW)
}

// Inverse returns the symmetry that undoes s.
func (s Symmetry) Inverse() Symmetry {
	if s&FlipEW != 0 {
		return s
	}
	return -s&3 | s&FlipNS
}

// Pixel returns where s takes a pixel of g.
func (s Symmetry) Pixel(g Grid, ipix int) int {
	f, x, y := g.Face(ipix)
	return g.encode(s.face(g.nside, f, x, y))
}

func (s Symmetry) face(n int, f, x, y int) (f2, x2, y2 int) {
	f = f&^3 | (f+int(s))&3
	if s&FlipNS != 0 {
		x, y = n-1-y, n-1-x
		f ^= [3]int{8, 0, 8}[f>>2]
	}
	if s&FlipEW != 0 {
		x, y = y, x
		if f>>2 == 1 {
			f = 4 | -f&3
		} else {
			f ^= 3
		}
	}
	return f, x, y
}

// Step returns where s takes a step (dx, dy) on the lattice: the tap (dx, dy) of a pixel becomes the tap (dx2, dy2)
// of the pixel's image.
func (s Symmetry) Step(dx, dy int) (dx2, dy2 int) {
	if s&FlipNS != 0 {
		dx, dy = -dy, -dx
	}
	if s&FlipEW != 0 {
		dx, dy = dy, dx
	}
	return dx, dy
}

// SymmetryTable returns s as a permutation: table[p] is where s takes pixel p of g. The map moved by s has at
// table[p] what the map had at p.
func SymmetryTable[T Index](g Grid, s Symmetry) ([]T, error) {
	if s >= Symmetries {
		return nil, fmt.Errorf("healpix: %v: want 0 to %d", s, Symmetries-1)
	}
	table, err := makeTable[T](g, 1)
	if err != nil {
		return nil, err
	}
	parallel(len(table), pixelGrain, func(lo, hi int) {
		for p := lo; p < hi; p++ {
			f, x, y := g.decode(p)
			table[p] = T(g.encode(s.face(g.nside, f, x, y)))
		}
	})
	return table, nil
}

// Slots returns how s moves neighbours: the neighbour in slot i of a pixel becomes the one in slot Slots()[i] of its
// image.
func (s Symmetry) Slots() [8]int {
	var out [8]int
	for i, a := range slotSteps {
		dx, dy := s.Step(a.dx, a.dy)
		for j, b := range slotSteps {
			if b == (step{dx, dy}) {
				out[i] = j
			}
		}
	}
	return out
}

// Taps returns how s moves the taps of a k×k window, as Slots does the neighbours.
func (s Symmetry) Taps(k int) []int {
	r := k / 2
	out := make([]int, k*k)
	for t := range out {
		dx, dy := s.Step(r-t/k, r-t%k)
		out[t] = (r-dx)*k + r - dy
	}
	return out
}
