package healpix

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawGrid draws any order and nside, small, large, around powers of two and the largest.
func drawGrid(t *rapid.T) Grid {
	order := rapid.SampledFrom([]Order{Ring, Nested, XY}).Draw(t, "order")
	bits := rapid.IntRange(0, 29).Draw(t, "bits")
	nside := 1 << bits
	if order != Nested {
		nside = min(max(nside+rapid.IntRange(-3, nside/2+3).Draw(t, "more"), 1), MaxNside)
	}
	g, err := New(nside, order)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// drawPixel prefers the ends of the range and of the caps.
func drawPixel(t *rapid.T, g Grid) int {
	n := g.Nside()
	near := rapid.SampledFrom([]int{0, g.Npix() - 1, 2 * n * (n - 1), g.Npix() - 2*n*(n-1), n * n, 11 * n * n}).Draw(t, "near")
	if rapid.Bool().Draw(t, "anywhere") {
		near = rapid.IntRange(0, g.Npix()-1).Draw(t, "ipix")
	}
	return min(max(near+rapid.IntRange(-9, 9).Draw(t, "offset"), 0), g.Npix()-1)
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrid(t)
		p := drawPixel(t, g)
		f, x, y := g.Face(p)
		if q := g.Pixel(f, x, y); q != p {
			t.Fatalf("%v: pixel %d is at (%d, %d) on face %d, where %d is", g, p, x, y, f, q)
		}
		for _, order := range []Order{Ring, Nested, XY} {
			if h, err := g.In(order); err == nil {
				if q := h.Convert(g.Convert(p, order), g.Order()); q != p {
					t.Fatalf("%v: pixel %d returns from %v as %d", g, p, order, q)
				}
			}
		}
		if q := g.Ang2Pix(g.Pix2Ang(p)); q != p {
			t.Fatalf("%v: centre of pixel %d is in %d", g, p, q)
		}
		if q := g.Vec2Pix(g.Pix2Vec(p)); q != p {
			t.Fatalf("%v: vector to pixel %d leads to %d", g, p, q)
		}
		for slot, q := range g.Neighbours(p) {
			if around := g.Neighbours(max(q, 0)); q >= 0 && !slices.Contains(around[:], p) {
				t.Fatalf("%v: slot %d of pixel %d is %d, whose neighbours are %v", g, slot, p, q, around)
			}
		}
		s := Symmetry(rapid.IntRange(0, Symmetries-1).Draw(t, "symmetry"))
		if q := s.Inverse().Pixel(g, s.Pixel(g, p)); q != p {
			t.Fatalf("%v: pixel %d returns from %v as %d", g, p, s, q)
		}
		factor := rapid.SampledFrom([]int{1, 2, 3, 4}).Draw(t, "factor")
		if fine, err := New(min(g.Nside()*factor, MaxNside), g.Order()); err == nil && g.Nside()*factor <= MaxNside {
			children := g.Children(p, factor)
			if len(children) != factor*factor {
				t.Fatalf("%v: %d children by %d", g, len(children), factor)
			}
			for _, c := range children {
				if q := fine.Parent(c, factor); q != p {
					t.Fatalf("%v: child %d of pixel %d has parent %d", g, c, p, q)
				}
			}
		}
	})
}

// The four weights are a partition of one over different pixels close to the direction.
func TestInterpolationWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGrid(t)
		theta := rapid.Float64Range(0, math.Pi).Draw(t, "theta")
		phi := rapid.Float64Range(-10, 10).Draw(t, "phi")
		pix, weights, ok := g.Interpolate(theta, phi)
		sum := 0.0
		for i, w := range weights {
			sum += w
			// Pixel centres are known to 4e-16 or so, and 1/nside apart.
			if slack := 1e-14 + 4e-15*float64(g.Nside()); w < -slack || w > 1+slack {
				t.Fatalf("%v (%v, %v): weight %v", g, theta, phi, w)
			}
			if pix[i] < 0 || pix[i] >= g.Npix() || slices.Index(pix[:], pix[i]) != i {
				t.Fatalf("%v (%v, %v): pixels %v", g, theta, phi, pix)
			}
		}
		if !ok || math.Abs(sum-1) > 1e-14+4e-15*float64(g.Nside()) {
			t.Fatalf("%v (%v, %v): ok %v, weights %v add up to %v", g, theta, phi, ok, weights, sum)
		}
	})
}

func TestIntegerRootIsExact(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, v int) {
		want := new(big.Int).Sqrt(big.NewInt(int64(v)))
		if got := isqrt(v); int64(got) != want.Int64() {
			t.Fatalf("isqrt(%d) = %d, want %v", v, got, want)
		}
	}
	for _, r := range []int{1, 2, 3, 1 << 26, 94906265, 94906266, 94906267, 1<<30 - 1, 1 << 30, 1<<31 - 1} {
		for d := -2; d <= 2; d++ {
			check(t, max(r*r+d, 0))
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.IntRange(0, 1<<62-1).Draw(t, "v")) })
}

// sin(theta/2) = i/(nside √6) on ring i of a cap: no digit may be lost close to a pole.
func TestAnglesNearThePoles(t *testing.T) {
	for _, nside := range []int{64, 8192, 1 << 20, MaxNside} {
		g := mustGrid(t, nside, Ring)
		for i := 1; i < nside; i = i*3 + 1 {
			want := 2 * math.Asin(float64(i)/(float64(nside)*math.Sqrt(6)))
			north, _ := g.Pix2Ang(g.ringStart(i))
			south, _ := g.Pix2Ang(g.ringStart(4*nside - i))
			if !nearly(north, want, 1e-15) || math.Abs(math.Pi-south-want) > 4.5e-16 {
				t.Errorf("%v ring %d: theta %v and %v, want %v from the poles", g, i, north, south, want)
			}
		}
		for i := 1; i < nside; i = i*3 + 1 {
			v := g.Pix2Vec(g.ringStart(i))
			want := 2 * math.Asin(float64(i)/(float64(nside)*math.Sqrt(6)))
			if got := math.Atan2(math.Hypot(v[0], v[1]), v[2]); !nearly(got, want, 1e-15) {
				t.Errorf("%v ring %d: vector at %v from the pole, want %v", g, i, got, want)
			}
		}
	}
}

// The four corners of the boundary enclose the centre, and are those of the neighbours.
func TestBoundariesMeet(t *testing.T) {
	for _, nside := range []int{1, 2, 3, 8} {
		g := mustGrid(t, nside, Ring)
		for p := range g.Npix() {
			north := g.Boundaries(p, 1)[0]
			if q := g.Neighbours(p)[N]; q >= 0 {
				corners := g.Boundaries(q, 1)
				if !slices.ContainsFunc(corners, func(c [3]float64) bool { return distance(c, north) < 1e-15 }) {
					t.Errorf("%v: the north corner %v of pixel %d is not one of pixel %d: %v", g, north, p, q, corners)
				}
			}
		}
	}
}

func TestDirectionsThatAreNone(t *testing.T) {
	g := mustGrid(t, 8, Ring)
	nan, inf := math.NaN(), math.Inf(1)
	for _, d := range [][2]float64{{-1e-9, 0}, {3.15, 0}, {nan, 0}, {1, nan}, {1, inf}, {1, -inf}, {inf, 0}} {
		if p := g.Ang2Pix(d[0], d[1]); p != -1 {
			t.Errorf("Ang2Pix(%v) = %d, want -1", d, p)
		}
		if _, _, ok := g.Interpolate(d[0], d[1]); ok {
			t.Errorf("Interpolate(%v) is ok", d)
		}
	}
	for _, v := range [][3]float64{{}, {nan, 0, 1}, {0, nan, 1}, {0, 0, nan}, {inf, 0, 0}, {0, 0, -inf}} {
		if p := g.Vec2Pix(v); p != -1 {
			t.Errorf("Vec2Pix(%v) = %d, want -1", v, p)
		}
	}
	for _, phi := range []float64{-1e-300, -1e-17, 2 * math.Pi, 1e9, -1e9, 1e300} {
		if p := g.Ang2Pix(1, phi); p < 0 || p >= g.Npix() {
			t.Errorf("Ang2Pix(1, %v) = %d", phi, p)
		}
		if _, _, ok := g.Interpolate(1, phi); !ok {
			t.Errorf("Interpolate(1, %v) is not ok", phi)
		}
	}
}

func TestIllegalGrids(t *testing.T) {
	for _, c := range []struct {
		nside int
		order Order
		want  string
	}{
		{0, Ring, "nside 0: want 1 to 2^29"}, {-4, XY, "nside -4"}, {MaxNside + 1, Ring, "want 1 to 2^29"},
		{6, Nested, "not a power of two, which NESTED needs"}, {8, 0, "want Ring, Nested or XY"}, {8, 4, "want Ring, Nested or XY"},
	} {
		if g, err := New(c.nside, c.order); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%d, %v) = %v, %v, want an error with %q", c.nside, c.order, g, err, c.want)
		}
	}
	for _, npix := range []int{-12, 0, 1, 13, 24, 47, 12 * 13, math.MaxInt} {
		if nside, err := NsideFromNpix(npix); err == nil {
			t.Errorf("NsideFromNpix(%d) = %d", npix, nside)
		}
	}
	for _, nside := range []int{1, 2, 3, 100, 8192, MaxNside - 1, MaxNside} {
		npix, err := Npix(nside)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := NsideFromNpix(npix); err != nil || got != nside {
			t.Errorf("NsideFromNpix(%d) = %d, %v, want %d", npix, got, err, nside)
		}
	}
	g := mustGrid(t, 16384, Ring)
	if _, err := NeighbourTable[int32](g); err == nil || !strings.Contains(err.Error(), "use int64") {
		t.Errorf("an int32 table of nside 16384: %v", err)
	}
	if _, err := NeighbourTable[int64](mustGrid(t, MaxNside, Ring)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a table of nside 2^29: %v", err)
	}
	for _, c := range []struct{ k, dilation int }{{2, 1}, {0, 1}, {-3, 1}, {3, 0}, {3, 9}, {19, 1}, {5, 5}, {3, math.MaxInt}} {
		if _, err := WindowTable[int](mustGrid(t, 8, Nested), c.k, c.dilation); err == nil {
			t.Errorf("a window of k=%d, dilation=%d at nside 8", c.k, c.dilation)
		}
	}
}

func TestPixelsOutOfRangePanic(t *testing.T) {
	g := mustGrid(t, 4, Nested)
	for name, call := range map[string]func(){
		"Face": func() { g.Face(192) }, "Neighbours": func() { g.Neighbours(-1) }, "Pixel": func() { g.Pixel(12, 0, 0) },
		"Pix2Ang": func() { g.Pix2Ang(192) }, "Convert": func() { g.Convert(-1, Ring) }, "Pixel x": func() { g.Pixel(0, 4, 0) },
		"Window": func() { g.Window(make([]int, 4), 0, 2, 1) }, "Parent": func() { g.Parent(0, 3) },
		"zero Grid": func() { Grid{}.Face(0) }, "Boundaries": func() { g.Boundaries(0, 0) },
	} {
		func() {
			defer func() {
				if message, ok := recover().(string); !ok || !strings.HasPrefix(message, "healpix: ") {
					t.Errorf("%s: panic %q, want one that starts with healpix:", name, message)
				}
			}()
			call()
		}()
	}
}
