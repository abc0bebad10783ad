package healpix

import (
	"slices"
	"testing"
)

func TestPadTablesAreGolden(t *testing.T) {
	for _, c := range windowGoldens {
		if c.padded == "" {
			continue
		}
		g := mustGrid(t, c.nside, Nested)
		table, err := PadTable[int64](g, c.k, c.dilation)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(table); got != c.padded {
			t.Errorf("%v: padded %d×%d windows hash to %s, want %s", g, c.k, c.k, got, c.padded)
		}
	}
}

// A padded window is the plain window where that has a pixel, and every source exists; 24 fills repair the 3×3
// windows.
func TestPadWindowFillsOnlyWhatIsMissing(t *testing.T) {
	everyWindow(t, func(t *testing.T, g Grid, k, dilation int) {
		window, pairs := make([]int, k*k), make([]int, 2*k*k)
		table, err := PadTable[int32](g, k, dilation)
		if err != nil {
			t.Fatal(err)
		}
		for p := range g.Npix() {
			g.Window(window, p, k, dilation)
			g.PadWindow(pairs, p, k, dilation)
			for i, q := range window {
				a, b := pairs[2*i], pairs[2*i+1]
				if q >= 0 && (a != q || b != q) {
					t.Fatalf("%v pixel %d tap %d: padding gives (%d, %d), the window %d", g, p, i, a, b, q)
				}
				if a < 0 || a > b || b >= g.Npix() {
					t.Fatalf("%v pixel %d tap %d: padding gives (%d, %d)", g, p, i, a, b)
				}
				if table[2*(p*k*k+i)] != int32(a) || table[2*(p*k*k+i)+1] != int32(b) {
					t.Fatalf("%v pixel %d tap %d: the table differs from (%d, %d)", g, p, i, a, b)
				}
			}
		}
	})
}

func TestFillsAreTheMissingNeighbours(t *testing.T) {
	// By rule: polar faces take east and west from the face beside that edge, equatorial faces the mean of the two.
	for _, nside := range []int{1, 2, 3, 4, 7, 16} {
		for _, order := range []Order{Ring, XY} {
			g := mustGrid(t, nside, order)
			var want []Fill
			for p := range g.Npix() {
				around := g.Neighbours(p)
				for slot, q := range around {
					if q >= 0 {
						continue
					}
					a, b := around[NE], around[NW]
					if f, _, _ := g.Face(p); slot == S || f >= 8 {
						a, b = around[SE], around[SW]
					}
					switch slot {
					case E:
						b = a
					case W:
						a = b
					}
					want = append(want, Fill{p, slot, min(a, b), max(a, b)})
				}
			}
			got := g.Fills()
			if len(got) != 24 || !slices.Equal(got, want) {
				t.Errorf("%v: %d fills %v, want %v", g, len(got), got, want)
			}
		}
	}
}

// The padding is the same seen through every symmetry.
func TestPaddingCommutesWithSymmetries(t *testing.T) {
	for _, c := range []struct{ nside, k int }{{1, 3}, {2, 3}, {3, 3}, {4, 3}, {4, 5}, {5, 5}, {8, 7}, {3, 7}} {
		g := mustGrid(t, c.nside, Ring)
		got, want := make([]int, 2*c.k*c.k), make([]int, 2*c.k*c.k)
		for s := range Symmetry(Symmetries) {
			taps := s.Taps(c.k)
			for p := range g.Npix() {
				g.PadWindow(got, s.Pixel(g, p), c.k, 1)
				g.PadWindow(want, p, c.k, 1)
				for tap, moved := range taps {
					a, b := s.Pixel(g, want[2*tap]), s.Pixel(g, want[2*tap+1])
					if got[2*moved] != min(a, b) || got[2*moved+1] != max(a, b) {
						t.Fatalf("%v %v pixel %d tap %d: got %v, want (%d, %d)", g, s, p, tap, got[2*moved:2*moved+2], a, b)
					}
				}
			}
		}
	}
}
