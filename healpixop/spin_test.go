package healpixop_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/ops"
)

// spinCase is a line of testdata/spin.py.
type spinCase struct {
	Nside   int
	X, W, Y []float64
}

func spinCases(t *testing.T) []spinCase {
	t.Helper()
	out, err := exec.Command(testkit.Python(t, "healpy", "numpy"), "testdata/spin.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []spinCase
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); {
		var c spinCase
		if err := lines.Decode(&c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func (c spinCase) maps() (x, w, y *graph.Tensor) {
	p := npix(c.Nside)
	return graph.FromSlice(c.X, 1, 2, p), graph.FromSlice(c.W, int64(len(c.W)/18), 2, 9), graph.FromSlice(c.Y, 1, int64(len(c.Y))/p, p)
}

func negated(x *graph.Tensor, rows, row, of int) *graph.Tensor {
	out := x.Clone()
	v := float64s(out)
	for i := range v {
		if i/rows%of == row {
			v[i] = -v[i]
		}
	}
	return out
}

func TestSpin(t *testing.T) {
	cases := spinCases(t)
	t.Run("healpy", func(t *testing.T) { testSpinByHealpy(t, cases[:2]) })
	t.Run("smooth", func(t *testing.T) { testSpinSeesNoPole(t, cases[1:]) })
}

func testSpinByHealpy(t *testing.T, cases []spinCase) {
	tol := ops.Tolerance{Rel: 1e-11, Abs: 1e-11}
	for _, c := range cases {
		x, w, want := c.maps()
		a := graph.Attrs{"nside": c.Nside, "order": "RING", "spin_pairs": 1}
		same(t, "COSMO", eval(t, "HealpixConv", a, x, w), want, tol)
		// The other sign of U in maps and weights.
		a["polcconv"] = "IAU"
		p := int(npix(c.Nside))
		same(t, "IAU", eval(t, "HealpixConv", a, negated(x, p, 1, 2), negated(w, 9, 1, 2)), want, tol)
	}
}

// testSpinSeesNoPole: the mean of a window of a smooth field is nearly its centre, at the poles as on the equator. Without
// transport it is not: there frames turn from pixel to pixel.
func testSpinSeesNoPole(t *testing.T, cases []spinCase) {
	mean := graph.NewTensor(graph.Float64, 2, 2, 9)
	for k := range 9 {
		float64s(mean)[k], float64s(mean)[27+k] = 1./9, 1./9
	}
	for _, c := range cases {
		p := int(npix(c.Nside))
		x := graph.FromSlice(c.X, 1, 2, int64(p))
		worst := func(pairs, from, to int) (most float64) {
			y := float64s(eval(t, "HealpixConv", graph.Attrs{"nside": c.Nside, "order": "RING", "missing": "renorm", "spin_pairs": pairs}, x, mean))
			for i := from; i < to; i++ {
				most = max(most, math.Hypot(y[i]-c.X[i], y[i+p]-c.X[i+p]))
			}
			return most
		}
		pole, equator, turned := worst(1, 0, 12), worst(1, p/2-p/8, p/2+p/8), worst(0, 0, 12)
		t.Logf("nside %d: %.4f at the pole, %.4f round the equator, %.4f at the pole without transport", c.Nside, pole, equator, turned)
		if pole > 1.5*equator || turned < 5*pole {
			t.Errorf("nside %d: the mean of windows is off by %v at the pole and %v round the equator, without transport %v", c.Nside, pole,
				equator, turned)
		}
	}
}

// TestSpinMirrored: a mirror of the sky changes the sign of U and the places of the taps, and nothing else.
func TestSpinMirrored(t *testing.T) {
	ew, ns := [9]int{0, 3, 6, 1, 4, 7, 2, 5, 8}, [9]int{8, 5, 2, 7, 4, 1, 6, 3, 0}
	x, w := normals(1, 2, npix(4)), normals(1, 2, 9)
	conv := graph.Attrs{"nside": 4, "spin_pairs": 1, "missing": "center"}
	want := eval(t, "HealpixConv", conv, x, w)
	for attr, taps := range map[string][9]int{"flip_ew": ew, "flip_ns": ns} {
		move := graph.Attrs{"nside": 4, attr: 1}
		y := eval(t, "HealpixReorder", move, negated(x, int(npix(4)), 1, 2))
		y = eval(t, "HealpixConv", conv, y, negated(tapsAt(w, taps), 9, 1, 2))
		same(t, attr, eval(t, "HealpixReorder", move, y), want, ops.Tolerance{Rel: 1e-12, Abs: 1e-12})
	}
}

func TestSpinRefusals(t *testing.T) {
	x, w := graph.NewTensor(graph.Float32, 1, 3, 48), graph.NewTensor(graph.Float32, 1, 3, 9)
	for want, c := range map[string]struct {
		a  graph.Attrs
		in []*graph.Tensor
	}{
		"takes 4 channels of Q and U: X has 3":      {graph.Attrs{"nside": 2, "spin_pairs": 2}, []*graph.Tensor{x, w}},
		"spin_pairs is -1":                          {graph.Attrs{"nside": 2, "spin_pairs": -1}, []*graph.Tensor{x, w}},
		`with missing "hpxpad" is not supported`:    {graph.Attrs{"nside": 2, "spin_pairs": 1, "missing": "hpxpad"}, []*graph.Tensor{x, w}},
		`polcconv is "iau"`:                         {graph.Attrs{"nside": 2, "polcconv": "iau"}, []*graph.Tensor{x, w}},
		"known centre to carry the spin_pairs to":   {graph.Attrs{"nside": 2, "spin_pairs": 1}, []*graph.Tensor{x, w, nil, graph.NewTensor(graph.Int64, 3, 9)}},
		"attribute spin_pairs is a float: expected": {graph.Attrs{"nside": 2, "spin_pairs": float32(1)}, []*graph.Tensor{x, w}},
	} {
		_, _, err := optest.Case{Op: "HealpixConv", Attrs: c.a, In: c.in, Dynamic: make([]bool, len(c.in)), Outputs: 1}.Model()
		wantError(t, err, want)
	}
}
