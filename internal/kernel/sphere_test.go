package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/kernel"
)

func sphere(t testing.TB, nside int, order healpix.Order, n, ci, co int, x, w []float32) []float32 {
	t.Helper()
	index := window(t, nside, order)
	l := layer{n: n, ci: ci, co: co, in: len(index) / kernel.Taps, out: len(index) / kernel.Taps, w: w}
	l.index = make([]int64, len(index))
	for i, v := range index {
		l.index[i] = int64(v)
	}
	l.input = kernel.ConvInput{N: n, X: x}
	return l.run(t, kernel.Auto, 2, true)
}

// A mean over the window keeps a constant map, but at the 24 pixels that have seven neighbours.
func TestConvConstant(t *testing.T) {
	for _, order := range []healpix.Order{healpix.Nested, healpix.Ring, healpix.XY} {
		const nside = 32
		x, w := make([]float32, 12*nside*nside), make([]float32, kernel.Taps)
		for i := range x {
			x[i] = 9
		}
		for i := range w {
			w[i] = 1. / 9
		}
		eights := 0
		for p, v := range sphere(t, nside, order, 1, 1, 1, x, w) {
			switch {
			case math.Abs(float64(v)-8) < 1e-5:
				eights++
			case math.Abs(float64(v)-9) > 1e-5:
				t.Fatalf("%v pixel %d: got %v want 9 or 8", order, p, v)
			}
		}
		if eights != 24 {
			t.Errorf("%v: got %d pixels with seven neighbours, want 24", order, eights)
		}
	}
}

// The numbering of the pixels changes nothing, to the last bit: a pixel's sum runs over taps and channels in one order.
func TestConvNumbering(t *testing.T) {
	const nside, n, ci, co = 32, 2, 5, 20
	const npix = 12 * nside * nside
	r := rand.New(rand.NewPCG(9, 10))
	nested, w := randoms(r, n*ci*npix), randoms(r, co*ci*kernel.Taps)
	want := sphere(t, nside, healpix.Nested, n, ci, co, nested, w)
	for _, order := range []healpix.Order{healpix.Ring, healpix.XY} {
		reorder := func(maps []float32, from, to healpix.Order) []float32 {
			moved := make([]float32, len(maps))
			for i := 0; i < len(maps); i += npix {
				if err := healpix.Reorder(moved[i:i+npix], maps[i:i+npix], from, to); err != nil {
					t.Fatal(err)
				}
			}
			return moved
		}
		got := reorder(sphere(t, nside, order, n, ci, co, reorder(nested, healpix.Nested, order), w), order, healpix.Nested)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v, value %d: got %v want %v", order, i, got[i], want[i])
			}
		}
	}
}
