package healpix

import (
	"fmt"
	"slices"
	"testing"
)

func TestNeighbourTablesAreGolden(t *testing.T) {
	for _, c := range neighbourGoldens {
		for order, want := range map[Order]string{Ring: c.ring, Nested: c.nested, XY: c.xy} {
			if want == "" {
				continue
			}
			g := mustGrid(t, c.nside, order)
			table, err := NeighbourTable[int64](g)
			if err != nil {
				t.Fatal(err)
			}
			if got := digest(table); got != want {
				t.Errorf("%v: neighbours hash to %s, want %s", g, got, want)
			}
		}
	}
}

func TestWindowTablesAreGolden(t *testing.T) {
	for _, c := range windowGoldens {
		g := mustGrid(t, c.nside, Nested)
		table, err := WindowTable[int64](g, c.k, c.dilation)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(table); got != c.window {
			t.Errorf("%v: %d×%d windows of dilation %d hash to %s, want %s", g, c.k, c.k, c.dilation, got, c.window)
		}
	}
}

// everyWindow calls f with every order, small nside and window that fits.
func everyWindow(t *testing.T, f func(t *testing.T, g Grid, k, dilation int)) {
	for _, nside := range []int{1, 2, 3, 4, 5, 7, 8, 9, 12} {
		for _, order := range []Order{Ring, Nested, XY} {
			g, err := New(nside, order)
			if err != nil {
				continue
			}
			for _, k := range []int{1, 3, 5, 7} {
				for dilation := 1; g.CheckWindow(k, dilation) == nil && dilation <= nside; dilation++ {
					f(t, g, k, dilation)
				}
			}
		}
	}
}

func TestTablesHoldWindows(t *testing.T) {
	everyWindow(t, func(t *testing.T, g Grid, k, dilation int) {
		table, err := WindowTable[int32](g, k, dilation)
		if err != nil {
			t.Fatal(err)
		}
		window := make([]int, k*k)
		for p := range g.Npix() {
			g.Window(window, p, k, dilation)
			for i, q := range window {
				if got := int(table[p*k*k+i]); got != q {
					t.Fatalf("%v k=%d dilation=%d pixel %d tap %d: table has %d, want %d", g, k, dilation, p, i, got, q)
				}
			}
		}
	})
}

func TestRunsHoldWindowsAndAreMaximal(t *testing.T) {
	everyWindow(t, func(t *testing.T, g Grid, k, dilation int) {
		runs, err := g.Runs(k, dilation)
		if err != nil {
			t.Fatal(err)
		}
		next, window := 0, make([]int, k*k)
		for i, run := range runs {
			if run.First != next || run.Len < 1 {
				t.Fatalf("%v k=%d: run %d is [%d, +%d), want it to start at %d", g, k, i, run.First, run.Len, next)
			}
			if i > 0 && slices.Equal(run.Offset, runs[i-1].Offset) {
				t.Fatalf("%v k=%d: runs %d and %d are one", g, k, i-1, i)
			}
			for ; next < run.First+run.Len; next++ {
				g.Window(window, next, k, dilation)
				for tap, q := range window {
					got := -1
					if d := run.Offset[tap]; d != NoTap {
						got = next + d
					}
					if got != q {
						t.Fatalf("%v k=%d dilation=%d pixel %d tap %d: run gives %d, want %d", g, k, dilation, next, tap, got, q)
					}
				}
			}
		}
		if next != g.Npix() {
			t.Fatalf("%v k=%d: runs end at %d of %d", g, k, next, g.Npix())
		}
	})
}

func TestRunCounts(t *testing.T) {
	count := func(nside int, order Order) int {
		runs, err := mustGrid(t, nside, order).Runs(3, 1)
		if err != nil {
			t.Fatal(err)
		}
		return len(runs)
	}
	for _, c := range []struct{ nside, ring, xy int }{
		{1, 11, 11}, {2, 43, 48}, {3, 75, 108}, {4, 103, 152}, {5, 131, 196}, {7, 187, 284}, {64, 1783, 2792},
		{100, 2791, 4376}, {512, 14327, 22504},
	} {
		if got := count(c.nside, Ring); got != c.ring {
			t.Errorf("RING nside %d: %d runs, want %d", c.nside, got, c.ring)
		}
		if got := count(c.nside, XY); got != c.xy {
			t.Errorf("XY nside %d: %d runs, want %d", c.nside, got, c.xy)
		}
	}
}

// BenchmarkNeighbourTable1024 is to be compared with healpy.get_all_neighbours over all pixels: 805 MB of int64.
func BenchmarkNeighbourTable1024(b *testing.B) {
	for _, order := range []Order{Ring, Nested, XY} {
		g := mustGrid(b, 1024, order)
		b.Run(fmt.Sprint(order, "/int64"), func(b *testing.B) { benchmarkTable[int64](b, g) })
		b.Run(fmt.Sprint(order, "/int32"), func(b *testing.B) { benchmarkTable[int32](b, g) })
		b.Run(fmt.Sprint(order, "/int64/reused"), func(b *testing.B) {
			dst := make([]int64, 8*g.Npix())
			for b.Loop() {
				if err := NeighbourTableTo(dst, g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkTable[T Index](b *testing.B, g Grid) {
	for b.Loop() {
		if _, err := NeighbourTable[T](g); err != nil {
			b.Fatal(err)
		}
	}
}
