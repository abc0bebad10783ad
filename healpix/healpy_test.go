package healpix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/testkit"
)

// healpyCase is a line of testdata/healpy_goldens.py.
type healpyCase struct {
	Kind  string
	Nside int
	Nest  bool

	Pix          []int
	Theta, Phi   []float64
	Ang2Pix      []int
	Vec          [][3]float64
	Vec2Pix      []int
	Pix2Ang      [][2]float64
	Pix2Vec      [][3]float64
	Neighbours   [][8]int
	Other        []int
	InterpPix    [][4]int     `json:"interp_pix"`
	InterpWeight [][4]float64 `json:"interp_weight"`
	Boundary     [][][3]float64

	To          int
	NestOut     bool `json:"nest_out"`
	Pess        bool
	Power       float64
	Map, Graded []float64
}

func TestAgainstHealpy(t *testing.T) {
	python := testkit.Python(t, "healpy", "numpy")
	nsides := "1 2 3 4 5 7 8 16 31 64 100 128 256 512 1000 1024 2048 4096 5000 8192"
	args := append([]string{"testdata/healpy_goldens.py", "20260", "120"}, strings.Fields(nsides)...)
	cmd := exec.Command(python, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, complaint.Bytes())
	}
	seen := map[string]int{}
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var c healpyCase
		if err := lines.Decode(&c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen[c.Kind]++
		switch c.Kind {
		case "grid":
			compareGrid(t, c)
		case "grade":
			compareGrade(t, c)
		}
	}
	if seen["grid"] != 20+13 || seen["grade"] != 144 {
		t.Errorf("compared %v cases, want 33 grids and 144 grades", seen)
	}
}

func orderOf(nest bool) Order {
	if nest {
		return Nested
	}
	return Ring
}

func compareGrid(t *testing.T, c healpyCase) {
	g := mustGrid(t, c.Nside, orderOf(c.Nest))
	report := func(what string, of, got, want any) {
		t.Errorf("%v: %s of %v is %v, healpy has %v", g, what, of, got, want)
	}
	for i, p := range c.Pix {
		// healpy takes acos(z) down to theta = 0.14, which is good to 8e-16 there: 6e-15 of theta.
		theta, phi := g.Pix2Ang(p)
		if !nearly(theta, c.Pix2Ang[i][0], 1e-14) || !nearly(phi, c.Pix2Ang[i][1], 2e-15) {
			report("angle", p, []float64{theta, phi}, c.Pix2Ang[i])
		}
		if v := g.Pix2Vec(p); !closeVec(v, c.Pix2Vec[i]) {
			report("vector", p, v, c.Pix2Vec[i])
		}
		if q := g.Neighbours(p); q != c.Neighbours[i] {
			report("neighbours", p, q, c.Neighbours[i])
		}
		if c.Other != nil {
			if q := g.Convert(p, orderOf(!c.Nest)); q != c.Other[i] {
				report("other number", p, q, c.Other[i])
			}
		}
	}
	for i, theta := range c.Theta {
		direction := [2]float64{theta, c.Phi[i]}
		if p := g.Ang2Pix(theta, c.Phi[i]); p != c.Ang2Pix[i] {
			report("pixel", direction, p, c.Ang2Pix[i])
		}
		if p := g.Vec2Pix(c.Vec[i]); p != c.Vec2Pix[i] {
			report("pixel", c.Vec[i], p, c.Vec2Pix[i])
		}
		pix, weights, ok := g.Interpolate(theta, c.Phi[i])
		if !ok || pix != c.InterpPix[i] {
			report("interpolation", direction, pix, c.InterpPix[i])
		}
		for j, w := range weights {
			// A weight is the difference of two angles, each good to 4e-16 or so, over the distance of pixels, about
			// 1/nside.
			if math.Abs(w-c.InterpWeight[i][j]) > 4e-15*float64(c.Nside)+1e-14 {
				report(fmt.Sprintf("weight %d", j), direction, w, c.InterpWeight[i][j])
			}
		}
	}
	for i, want := range c.Boundary {
		for j, v := range g.Boundaries(c.Pix[8*i], 3) {
			// healpy's points are good to rounding of numbers up to 4, wherever they lie.
			if distance(v, want[j]) > 2e-15 {
				report(fmt.Sprintf("boundary point %d", j), c.Pix[8*i], v, want[j])
			}
		}
	}
}

// nearly reports a relative difference of at most tolerance.
func nearly(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Abs(b) }

// closeVec allows a few units in the last place of 1, and of the distance from the axis, which is small close to the
// poles.
func closeVec(a, b [3]float64) bool {
	across := math.Hypot(b[0], b[1])
	return math.Abs(a[0]-b[0]) <= 4e-15*across && math.Abs(a[1]-b[1]) <= 4e-15*across && math.Abs(a[2]-b[2]) <= 4e-16
}

func distance(a, b [3]float64) float64 {
	return math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
}

func compareGrade(t *testing.T, c healpyCase) {
	from, to := mustGrid(t, c.Nside, orderOf(c.Nest)), mustGrid(t, c.To, orderOf(c.NestOut))
	opt := GradeOptions{Pessimistic: c.Pess, Power: c.Power}
	got, err := UDGrade(c.Map, from, to, opt)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range c.Graded {
		if !nearly(got[p], want, 1e-14) && math.Abs(got[p]-want) > 1e-15 { // sums of up to 16 values of order 1, in another order
			t.Fatalf("%v to %v, %+v: pixel %d is %v, healpy has %v", from, to, opt, p, got[p], want)
		}
	}
}
