package healpix

import "fmt"

// Slots of a pixel's neighbours, as healpy orders them: clockwise from south-west.
const (
	SW = iota
	W
	NW
	N
	NE
	E
	SE
	S
)

// step is a tap's place on the lattice, seen from the pixel.
type step struct{ dx, dy int }

var slotSteps = [8]step{
	SW: {-1, 0}, W: {-1, 1}, NW: {0, 1}, N: {1, 1}, NE: {1, 0}, E: {1, -1}, SE: {0, -1}, S: {-1, -1},
}

// acrossFace[4+cx+3cy][f] is the face reached from f by leaving it cx faces along x and cy along y; -1 where three
// faces meet.
var acrossFace = [9][12]int8{
	{8, 9, 10, 11, -1, -1, -1, -1, 10, 11, 8, 9},
	{5, 6, 7, 4, 8, 9, 10, 11, 9, 10, 11, 8},
	{-1, -1, -1, -1, 5, 6, 7, 4, -1, -1, -1, -1},
	{4, 5, 6, 7, 11, 8, 9, 10, 11, 8, 9, 10},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
	{1, 2, 3, 0, 0, 1, 2, 3, 5, 6, 7, 4},
	{-1, -1, -1, -1, 7, 4, 5, 6, -1, -1, -1, -1},
	{3, 0, 1, 2, 3, 0, 1, 2, 4, 5, 6, 7},
	{2, 3, 0, 1, -1, -1, -1, -1, 0, 1, 2, 3},
}

// How coordinates change on the way, applied in this order.
const (
	mirrorX = 1 << iota
	mirrorY
	swapXY
)

// acrossFrame has the rows of acrossFace; its columns are the bands of the face left: north, equator, south.
var acrossFrame = [9][3]uint8{
	0: {0, 0, mirrorX | mirrorY},
	1: {0, 0, mirrorY | swapXY},
	3: {0, 0, mirrorX | swapXY},
	5: {mirrorX | swapXY, 0, 0},
	7: {mirrorY | swapXY, 0, 0},
	8: {mirrorX | mirrorY, 0, 0},
}

// walk follows the lattice from face f to (x, y), which may lie up to nside beyond any edge of the face, and returns
// where that is; ok is false where no pixel is there.
func (g Grid) walk(f, x, y int) (f2, x2, y2 int, ok bool) {
	n := g.nside
	row := 4
	switch {
	case x < 0:
		x, row = x+n, row-1
	case x >= n:
		x, row = x-n, row+1
	}
	switch {
	case y < 0:
		y, row = y+n, row-3
	case y >= n:
		y, row = y-n, row+3
	}
	f2 = int(acrossFace[row][f])
	if f2 < 0 {
		return 0, 0, 0, false
	}
	change := acrossFrame[row][f>>2]
	if change&mirrorX != 0 {
		x = n - 1 - x
	}
	if change&mirrorY != 0 {
		y = n - 1 - y
	}
	if change&swapXY != 0 {
		x, y = y, x
	}
	return f2, x, y, true
}

// reach returns the pixel to which walk leads, or -1.
func (g Grid) reach(f, x, y int) int {
	f, x, y, ok := g.walk(f, x, y)
	if !ok {
		return -1
	}
	return g.encode(f, x, y)
}

// Neighbours returns the pixels around ipix in the slots SW, W, NW, N, NE, E, SE, S. A missing one is -1 in its
// slot: one at 24 pixels of every nside ≥ 2, two at each pixel of nside 1.
func (g Grid) Neighbours(ipix int) [8]int {
	f, x, y := g.Face(ipix)
	var out [8]int
	for slot, s := range slotSteps {
		out[slot] = g.reach(f, x+s.dx, y+s.dy)
	}
	return out
}

// CheckWindow returns an error unless a k×k window with this dilation exists: k odd, dilation at least 1, and the
// reach (k-1)/2 · dilation at most nside, beyond which a step on the lattice has no meaning.
func (g Grid) CheckWindow(k, dilation int) error {
	switch {
	case k < 1 || k%2 == 0:
		return fmt.Errorf("healpix: window of %d×%d pixels: want an odd size", k, k)
	case dilation < 1:
		return fmt.Errorf("healpix: window dilation %d: want at least 1", dilation)
	case k/2 > g.nside/dilation:
		return fmt.Errorf("healpix: %d×%d window of dilation %d reaches beyond nside %d", k, k, dilation, g.nside)
	}
	return nil
}

func (g Grid) mustFit(k, dilation int) {
	if err := g.CheckWindow(k, dilation); err != nil {
		panic(err.Error())
	}
}

// Window writes the k×k lattice window around ipix to dst[:k*k], -1 where there is no pixel. Tap (i, j), at i*k+j,
// lies (r-i, r-j) dilation steps along x and y, r = (k-1)/2: for k = 3, N NE E / NW C SE / W SW S. It panics where
// CheckWindow gives an error.
func (g Grid) Window(dst []int, ipix, k, dilation int) {
	g.mustFit(k, dilation)
	f, x, y := g.Face(ipix)
	r := k / 2
	for i := range k {
		for j := range k {
			dst[i*k+j] = g.reach(f, x+(r-i)*dilation, y+(r-j)*dilation)
		}
	}
}

// windowSteps returns the taps of Window.
func windowSteps(k, dilation int) []step {
	r := k / 2
	steps := make([]step, 0, k*k)
	for i := range k {
		for j := range k {
			steps = append(steps, step{(r - i) * dilation, (r - j) * dilation})
		}
	}
	return steps
}
