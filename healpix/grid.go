package healpix

import (
	"fmt"
	"math"
)

// MaxNside is the largest nside of any order: its pixel numbers fill 62 bits.
const MaxNside = 1 << 29

// Grid is a resolution together with a numbering. Grids are comparable; the zero Grid is of no use, New makes them.
type Grid struct {
	nside int
	order Order
}

// New returns the grid of an nside and an order, or the reason why there is none: nside is 1 to MaxNside, and a
// power of two in NESTED. Where int has 32 bits, 12 nside² must fit it.
func New(nside int, order Order) (Grid, error) {
	switch {
	case order < Ring || order > XY:
		return Grid{}, fmt.Errorf("healpix: %v: want Ring, Nested or XY", order)
	case nside < 1 || nside > MaxNside:
		return Grid{}, fmt.Errorf("healpix: nside %d: want 1 to 2^29", nside)
	case order == Nested && nside&(nside-1) != 0:
		return Grid{}, fmt.Errorf("healpix: nside %d is not a power of two, which NESTED needs: use RING or XY", nside)
	case 12*int64(nside)*int64(nside) > math.MaxInt:
		return Grid{}, fmt.Errorf("healpix: nside %d has more pixels than an int of this platform holds", nside)
	}
	return Grid{nside, order}, nil
}

// Nside returns the number of pixels along the side of a face.
func (g Grid) Nside() int { return g.nside }

// Order returns the numbering.
func (g Grid) Order() Order { return g.order }

// Npix returns the number of pixels, 12 nside².
func (g Grid) Npix() int { return 12 * g.nside * g.nside }

// In returns the grid of the same nside in another order; the error is New's.
func (g Grid) In(order Order) (Grid, error) { return New(g.nside, order) }

// String returns for example "NEST nside 64".
func (g Grid) String() string { return fmt.Sprintf("%v nside %d", g.order, g.nside) }

// PixelArea returns the area of every pixel in steradians.
func (g Grid) PixelArea() float64 {
	n := float64(g.nside)
	return math.Pi / (3 * n * n)
}

// Npix returns 12 nside², or an error where nside is not legal in RING.
func Npix(nside int) (int, error) {
	g, err := New(nside, Ring)
	return g.Npix(), err
}

// NsideFromNpix returns the nside of a full sky of npix pixels, or an error where there is none.
func NsideFromNpix(npix int) (int, error) {
	if npix > 0 && npix%12 == 0 {
		nside := isqrt(npix / 12)
		if nside <= MaxNside && 12*nside*nside == npix {
			return nside, nil
		}
	}
	return 0, fmt.Errorf("healpix: %d pixels are no full sky: want 12 nside² with nside 1 to 2^29", npix)
}

// isqrt returns the integer part of the square root of v, 0 ≤ v < 2^62. Beyond 2^52 the float64 root of a number
// just below a square rounds up to it; rounding down past an integer it never does.
func isqrt(v int) int {
	r := int(math.Sqrt(float64(v)))
	if r*r > v {
		r--
	}
	return r
}

// mustHold panics unless ipix is a pixel of g.
func (g Grid) mustHold(ipix int) {
	if uint(ipix) >= uint(g.Npix()) {
		panic(fmt.Sprintf("healpix: pixel %d out of range of %v, which has %d", ipix, g, g.Npix()))
	}
}
