package healpix

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestUnseenHasATolerance(t *testing.T) {
	for v, want := range map[float64]bool{
		Unseen: true, Unseen * (1 + 9e-6): true, Unseen * (1 - 9e-6): true, Unseen * (1 + 2e-5): false, -Unseen: false, 0: false,
		math.NaN(): false, math.Inf(-1): false,
	} {
		if got := IsUnseen(v); got != want {
			t.Errorf("IsUnseen(%v) = %v", v, got)
		}
	}
	if !IsUnseen(float32(Unseen)) || IsUnseen(float32(math.Inf(-1))) {
		t.Error("float32 Unseen is not told from -Inf")
	}
}

func TestGradingLeavesOutBadPixels(t *testing.T) {
	fine, coarse := mustGrid(t, 2, Nested), mustGrid(t, 1, Ring)
	nan := float32(math.NaN())
	m := make([]float32, fine.Npix())
	copy(m, []float32{1, nan, 3, Unseen, nan, nan, Unseen, float32(math.Inf(1)), 1, 2, 3, 6})
	got, err := UDGrade(m, fine, coarse, GradeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{2, Unseen, 3, 0}; !slices.Equal(got[:4], want) {
		t.Errorf("means %v, want %v", got[:4], want)
	}
	got, err = UDGrade(m, fine, coarse, GradeOptions{Pessimistic: true, Power: -2})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{Unseen, Unseen, 12, 0}; !slices.Equal(got[:4], want) {
		t.Errorf("pessimistic sums %v, want %v", got[:4], want)
	}
	up, err := UDGrade([]float32{8, Unseen, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, coarse, fine, GradeOptions{Power: -2})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{2, 2, 2, 2, Unseen, Unseen, Unseen, Unseen, 0}; !slices.Equal(up[:9], want) {
		t.Errorf("shares %v, want %v", up[:9], want)
	}
}

func TestGradingByOddFactors(t *testing.T) {
	fine, coarse := mustGrid(t, 9, Ring), mustGrid(t, 3, XY)
	m := make([]float64, fine.Npix())
	for p := range m {
		m[p] = float64(Grid{3, Ring}.Convert(fine.Parent(p, 3), XY))
	}
	got, err := UDGrade(m, fine, coarse, GradeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for p, v := range got {
		if v != float64(p) {
			t.Fatalf("pixel %d has mean %v of children that all are %d", p, v, p)
		}
	}
	back, err := UDGrade(got, coarse, fine, GradeOptions{})
	if err != nil || !slices.Equal(back, m) {
		t.Errorf("degrade and upgrade of a blocky map is not the map (%v)", err)
	}
}

func TestGradingRefuses(t *testing.T) {
	g8 := mustGrid(t, 8, Ring)
	for want, err := range map[string]error{
		"want one to divide the other": gradeError(make([]float32, g8.Npix()), g8, mustGrid(t, 3, Ring)),
		"map of 7 pixels":              gradeError(make([]float32, 7), g8, g8),
		"zero Grid":                    gradeError(nil, Grid{}, g8),
		"too large":                    gradeError(make([]float32, g8.Npix()), g8, mustGrid(t, MaxNside, Ring)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func gradeError(m []float32, from, to Grid) error {
	_, err := UDGrade(m, from, to, GradeOptions{})
	return err
}

func TestReorderMovesMaps(t *testing.T) {
	for _, nside := range []int{1, 4, 64} {
		src := make([]float32, 12*nside*nside)
		for p := range src {
			src[p] = float32(p)
		}
		for _, from := range []Order{Ring, Nested, XY} {
			for _, to := range []Order{Ring, Nested, XY} {
				dst := make([]float32, len(src))
				if err := Reorder(dst, src, from, to); err != nil {
					t.Fatal(err)
				}
				table, err := ReorderTable[int](nside, from, to)
				if err != nil {
					t.Fatal(err)
				}
				g := mustGrid(t, nside, to)
				for p, v := range dst {
					if int(v) != g.Convert(p, from) || int(v) != table[p] {
						t.Fatalf("nside %d, %v to %v: pixel %d has the value of %v, want %d", nside, from, to, p, v, table[p])
					}
				}
			}
		}
	}
	for want, err := range map[string]error{
		"12 pixels into 48":  Reorder(make([]int, 48), make([]int, 12), Ring, XY),
		"no full sky":        Reorder(make([]int, 13), make([]int, 13), Ring, XY),
		"not a power of two": Reorder(make([]int, 108), make([]int, 108), Ring, Nested),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestChildOrders(t *testing.T) {
	// Children by their corner of the parent.
	fine := mustGrid(t, 2, XY)
	for p := range 12 {
		south := mustGrid(t, 1, XY).Children(p, 2)
		for i, at := range []struct{ x, y int }{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
			if south[i] != fine.Pixel(p, at.x, at.y) {
				t.Errorf("child %d of %d is %d", i, p, south[i])
			}
		}
		row := RowChildren.Nested()
		for i := range row { // face arrays are rows of the XY order itself
			if south[row[i]] != 4*p+i {
				t.Errorf("row order: child %d of %d is %d, want %d", i, p, south[row[i]], 4*p+i)
			}
		}
	}
}
