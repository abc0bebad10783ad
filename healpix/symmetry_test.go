package healpix

import (
	"math"
	"slices"
	"testing"
)

func TestSymmetriesMoveNeighbours(t *testing.T) {
	for _, nside := range []int{1, 2, 3, 4, 7, 8} {
		for _, order := range []Order{Ring, XY} {
			g := mustGrid(t, nside, order)
			for s := range Symmetry(Symmetries) {
				slots := s.Slots()
				for p := range g.Npix() {
					before, after := g.Neighbours(p), g.Neighbours(s.Pixel(g, p))
					for i, q := range before {
						if q >= 0 {
							q = s.Pixel(g, q)
						}
						if after[slots[i]] != q {
							t.Fatalf("%v %v: pixel %d slot %d: got %d, want %d", g, s, p, i, after[slots[i]], q)
						}
					}
				}
			}
		}
	}
}

func TestSymmetriesAreAGroup(t *testing.T) {
	g := mustGrid(t, 4, Nested)
	seen := map[string]Symmetry{}
	tables := make([][]int, Symmetries)
	for s := range Symmetry(Symmetries) {
		table, err := SymmetryTable[int](g, s)
		if err != nil {
			t.Fatal(err)
		}
		tables[s] = table
		wide := make([]int64, len(table))
		for i, v := range table {
			wide[i] = int64(v)
		}
		if other, ok := seen[digest(wide)]; ok {
			t.Errorf("%v and %v are the same permutation", s, other)
		}
		seen[digest(wide)] = s
	}
	for s := range Symmetry(Symmetries) {
		for u := range Symmetry(Symmetries) {
			for p := range g.Npix() {
				if got, want := tables[s.Then(u)][p], tables[u][tables[s][p]]; got != want {
					t.Fatalf("%v then %v: pixel %d goes to %d, want %d", s, u, p, got, want)
				}
			}
		}
		if s.Then(s.Inverse()) != 0 || s.Inverse().Then(s) != 0 {
			t.Errorf("%v: inverse %v is none", s, s.Inverse())
		}
	}
	if _, err := SymmetryTable[int](g, Symmetries); err == nil {
		t.Error("a seventeenth symmetry")
	}
}

func TestSymmetriesAreWhatTheySay(t *testing.T) {
	g := mustGrid(t, 5, Ring)
	for p := range g.Npix() {
		theta, phi := g.Pix2Ang(p)
		for _, c := range []struct {
			s          Symmetry
			theta, phi float64
		}{{Rot90, theta, phi + math.Pi/2}, {FlipNS, math.Pi - theta, phi}, {FlipEW, theta, -phi}} {
			if got, want := c.s.Pixel(g, p), g.Ang2Pix(c.theta, c.phi); got != want {
				t.Errorf("%v of pixel %d is %d, want %d", c.s, p, got, want)
			}
		}
	}
	for s, want := range map[Symmetry][8]int{
		Rot90:  {SW, W, NW, N, NE, E, SE, S},
		FlipNS: {SW: NW, NW: SW, N: S, S: N, NE: SE, SE: NE, W: W, E: E},
		FlipEW: {SW: SE, SE: SW, W: E, E: W, NW: NE, NE: NW, N: N, S: S},
	} {
		if got := s.Slots(); got != want {
			t.Errorf("%v moves slots to %v, want %v", s, got, want)
		}
	}
}

func TestTapOrders(t *testing.T) {
	// The taps as names, from the libraries.
	const C = -1
	names := map[TapOrder][]int{
		Lattice:   {N, NE, E, NW, C, SE, W, SW, S},
		NNhealpix: {C, SW, W, NW, N, NE, E, SE, S},
		CenterMid: {SW, W, NW, N, C, NE, E, SE, S},
		SouthXY:   {S, SE, E, SW, C, NE, W, NW, N},
	}
	for o, taps := range names {
		var got []int
		for _, i := range o.ToLattice() {
			got = append(got, taps[i])
		}
		if !slices.Equal(got, names[Lattice]) {
			t.Errorf("%v brought to lattice order is %v, want %v", o, got, names[Lattice])
		}
		got = nil
		for _, i := range o.FromLattice() {
			got = append(got, names[Lattice][i])
		}
		if !slices.Equal(got, taps) {
			t.Errorf("lattice brought to %v is %v, want %v", o, got, taps)
		}
		if parsed, err := ParseTapOrder(o.String()); err != nil || parsed != o {
			t.Errorf("ParseTapOrder(%q) = %v, %v", o, parsed, err)
		}
	}
	if _, err := ParseTapOrder("docstring"); err == nil {
		t.Error("an unknown tap order was parsed")
	}
}
