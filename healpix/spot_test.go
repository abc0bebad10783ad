package healpix

import (
	"slices"
	"testing"
)

func TestNeighboursOfNside1(t *testing.T) {
	want := [12][8]int{
		{4, -1, 3, 2, 1, -1, 5, 8}, {5, -1, 0, 3, 2, -1, 6, 9}, {6, -1, 1, 0, 3, -1, 7, 10}, {7, -1, 2, 1, 0, -1, 4, 11},
		{11, 7, 3, -1, 0, 5, 8, -1}, {8, 4, 0, -1, 1, 6, 9, -1}, {9, 5, 1, -1, 2, 7, 10, -1}, {10, 6, 2, -1, 3, 4, 11, -1},
		{11, -1, 4, 0, 5, -1, 9, 10}, {8, -1, 5, 1, 6, -1, 10, 11}, {9, -1, 6, 2, 7, -1, 11, 8}, {10, -1, 7, 3, 4, -1, 8, 9},
	}
	for _, order := range []Order{Ring, Nested, XY} {
		g := mustGrid(t, 1, order)
		for p := range want {
			if got := g.Neighbours(p); got != want[p] {
				t.Errorf("%v: neighbours of %d are %v, want %v", g, p, got, want[p])
			}
		}
	}
}

func TestSpotNeighboursAndWindows(t *testing.T) {
	window := make([]int, 9)
	for p, want := range [][]int{{3, 1, 91, 2, 0, 90, 71, 69, 143}, {6, 4, 94, 3, 1, 91, 2, 0, 90}} {
		if mustGrid(t, 4, Nested).Window(window, p, 3, 1); !slices.Equal(window, want) {
			t.Errorf("NEST nside 4: window of %d is %v, want %v", p, window, want)
		}
	}
	ring := mustGrid(t, 16, Ring)
	ring.Window(window, 1, 3, 1)
	var taps []int
	for _, i := range NNhealpix.FromLattice() {
		taps = append(taps, window[i])
	}
	if want := []int{1, 6, 5, 0, 3, 2, 8, 7, 16}; !slices.Equal(taps, want) {
		t.Errorf("RING nside 16: window of 1 in the nnhealpix order is %v, want %v", taps, want)
	}
	for _, c := range []struct {
		g    Grid
		p    int
		want [8]int
	}{
		{ring, 480, [8]int{544, -1, 543, 479, 420, 481, 545, 608}},
		{mustGrid(t, 16384, Nested), 3221225471, [8]int{
			3221225470, 1968526676, 1968526677, 805306368, 1252698794, 1252698792, 3221225469, 3221225468}},
		{mustGrid(t, MaxNside, Nested), 3458764513820540927, [8]int{
			3458764513820540926, 2113689425112552788, 2113689425112552789, 864691128455135232,
			1345075088707988138, 1345075088707988136, 3458764513820540925, 3458764513820540924}},
	} {
		if got := c.g.Neighbours(c.p); got != c.want {
			t.Errorf("%v: neighbours of %d are %v, want %v", c.g, c.p, got, c.want)
		}
	}
}

// incomplete returns the pixels whose window misses taps, and the number of taps missing in all.
func incomplete(g Grid, k, dilation int) (pixels []int, missing int) {
	window := make([]int, k*k)
	for p := range g.Npix() {
		g.Window(window, p, k, dilation)
		before := missing
		for _, q := range window {
			if q < 0 {
				missing++
			}
		}
		if missing > before {
			pixels = append(pixels, p)
		}
	}
	return pixels, missing
}

func TestTwentyFourPixelsLackANeighbour(t *testing.T) {
	for _, c := range []struct {
		nside int
		order Order
		want  []int
	}{
		{4, Ring, []int{24, 27, 28, 31, 32, 35, 36, 39, 40, 44, 48, 52, 136, 140, 144, 148, 152, 155, 156, 159, 160, 163, 164, 167}},
		{4, Nested, []int{5, 10, 21, 26, 37, 42, 53, 58, 64, 79, 80, 95, 96, 111, 112, 127, 133, 138, 149, 154, 165, 170, 181, 186}},
		{16, Ring, []int{480, 495, 496, 511, 512, 527, 528, 543, 544, 560, 576, 592,
			2464, 2480, 2496, 2512, 2528, 2543, 2544, 2559, 2560, 2575, 2576, 2591}},
	} {
		g := mustGrid(t, c.nside, c.order)
		if got, missing := incomplete(g, 3, 1); !slices.Equal(got, c.want) || missing != 24 {
			t.Errorf("%v: pixels %v lack %d neighbours, want %v", g, got, missing, c.want)
		}
		perSlot := [8]int{}
		for _, fill := range g.Fills() {
			perSlot[fill.Slot]++
		}
		if want := [8]int{0, 8, 0, 4, 0, 8, 0, 4}; perSlot != want {
			t.Errorf("%v: missing in slots SW to S: %v, want %v", g, perSlot, want)
		}
	}
	for nside := 2; nside <= 128; nside *= 2 { // by rule, NESTED
		a := nside * nside
		var want []int
		for f := range 12 {
			if f>>2 == 1 {
				want = append(want, f*a, f*a+a-1)
			} else {
				want = append(want, f*a+(a-1)/3, f*a+2*(a-1)/3)
			}
		}
		var got []int
		for _, fill := range mustGrid(t, nside, Nested).Fills() {
			got = append(got, fill.Ipix)
		}
		if !slices.Equal(got, want) {
			t.Errorf("nside %d: fills at %v, want %v", nside, got, want)
		}
	}
}

func TestWindowsMissTaps(t *testing.T) {
	for _, c := range []struct{ nside, r, pixels int }{{2, 2, 48}, {4, 3, 168}} {
		if got, _ := incomplete(mustGrid(t, c.nside, Ring), 2*c.r+1, 1); len(got) != c.pixels {
			t.Errorf("nside %d, reach %d: %d pixels miss taps, want %d", c.nside, c.r, len(got), c.pixels)
		}
	}
	for _, nside := range []int{1, 2, 3, 4, 7, 8, 11} {
		g := mustGrid(t, nside, Ring)
		for r := 1; r <= min(nside, 4); r++ {
			got, missing := incomplete(g, 2*r+1, 1)
			if half := r * (r + 1) / 2; missing != 24*half*half {
				t.Errorf("%v reach %d: %d taps missing, want %d", g, r, missing, 24*half*half)
			}
			if 2*r <= nside && len(got) != 24*r*r {
				t.Errorf("%v reach %d: %d pixels affected, want %d", g, r, len(got), 24*r*r)
			}
		}
	}
}

// Being someone's neighbour is mutual, nobody is it twice, and the way back leads through the opposite slot but for
// the seams.
func TestSeams(t *testing.T) {
	for _, nside := range []int{2, 3, 4, 5, 7, 8, 16, 33} {
		g := mustGrid(t, nside, Ring)
		edges, seams := 0, map[[2]int]int{}
		for p := range g.Npix() {
			around := g.Neighbours(p)
			for slot, q := range around {
				if q < 0 {
					continue
				}
				edges++
				if slices.Index(around[:], q) != slot || q == p {
					t.Fatalf("%v: pixel %d has %d twice", g, p, q)
				}
				back := g.Neighbours(q)
				switch reverse := slices.Index(back[:], p); reverse {
				case -1:
					t.Fatalf("%v: pixel %d has neighbour %d, but not the other way round", g, p, q)
				case (slot + 4) % 8:
				default:
					seams[[2]int{slot, reverse}]++
				}
			}
		}
		a, b := 4*nside, 4*(nside-1)
		want := map[[2]int]int{
			{NE, NW}: a, {NW, NE}: a, {SE, SW}: a, {SW, SE}: a,
			{N, E}: b, {E, N}: b, {N, W}: b, {W, N}: b, {S, E}: b, {E, S}: b, {S, W}: b, {W, S}: b,
			{N, N}: 4, {S, S}: 4,
		}
		total := 0
		for kind, count := range seams {
			total += count
			if want[kind] != count {
				t.Errorf("%v: %d edges from slot %d to %d, want %d", g, count, kind[0], kind[1], want[kind])
			}
		}
		if total != 48*nside-24 || edges != 96*nside*nside-24 {
			t.Errorf("%v: %d edges, %d across seams, want %d and %d", g, edges, total, 96*nside*nside-24, 48*nside-24)
		}
	}
}

func TestPolesAndWraps(t *testing.T) {
	for _, nside := range []int{1, 2, 3, 8, 100} {
		g, n := mustGrid(t, nside, XY), nside-1
		for _, c := range []struct{ f, x, y, slot, f2 int }{
			{0, n, n, N, 2}, {1, n, n, N, 3}, {2, n, n, N, 0}, {3, n, n, N, 1}, // over the north pole
			{8, 0, 0, S, 10}, {9, 0, 0, S, 11}, {10, 0, 0, S, 8}, {11, 0, 0, S, 9}, // and the south pole
			{3, n, n, NE, 0}, {0, n, n, NW, 3}, {11, 0, 0, SE, 8}, {8, 0, 0, SW, 11}, // the last face beside the first
			{4, 0, n, W, 7}, {7, n, 0, E, 4}, // around phi = 0
		} {
			q := g.Neighbours(g.Pixel(c.f, c.x, c.y))[c.slot]
			if f, _, _ := g.Face(q); f != c.f2 {
				t.Errorf("%v: slot %d of (%d, %d) on face %d is on face %d, want %d", g, c.slot, c.x, c.y, c.f, f, c.f2)
			}
		}
	}
	// Rings close at phi = 0: the first and last pixels of a belt ring are neighbours.
	g := mustGrid(t, 4, Ring)
	for i := 5; i < 12; i++ {
		first, last := g.ringStart(i), g.ringStart(i+1)-1
		if around := g.Neighbours(first); around[W] != last {
			t.Errorf("ring %d: west of pixel %d is %d, want %d", i, first, around[W], last)
		}
	}
}
