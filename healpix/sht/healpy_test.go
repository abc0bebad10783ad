package sht_test

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// arrays runs a script that writes an .npz file to its first argument and returns the file's arrays.
func arrays(t *testing.T, script string, args ...string) map[string][]float64 {
	t.Helper()
	python := testkit.Python(t, "healpy", "numpy")
	out := filepath.Join(t.TempDir(), "out.npz")
	cmd := exec.Command(python, append([]string{script, out}, args...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	list, err := sky.ReadArrays(out, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]float64{}
	for _, a := range list {
		named[a.Name] = graph.Data[float64](a)
	}
	return named
}

// complexes reads numbers as real and imaginary parts by turns.
func complexes(x []float64) []complex128 {
	z := make([]complex128, len(x)/2)
	for i := range z {
		z[i] = complex(x[2*i], x[2*i+1])
	}
	return z
}

func reals(z []complex128) []float64 {
	x := make([]float64, 0, 2*len(z))
	for _, v := range z {
		x = append(x, real(v), imag(v))
	}
	return x
}

// close fails where the largest difference exceeds tolerance times the root mean square of want.
func closeTo(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers want %d", what, len(got), len(want))
	}
	var square, worst float64
	at := 0
	for i, v := range want {
		square += v * v
		if d := math.Abs(got[i] - v); !(d <= worst) {
			worst, at = d, i
		}
	}
	if rms := math.Sqrt(square / float64(len(want))); !(worst <= tolerance*rms) {
		t.Errorf("%s: number %d of %d is %v want %v: %.2g of the rms", what, at, len(want), got[at], want[at], worst/rms)
	}
}

func newPlan(t testing.TB, nside, lmax int) *sht.Plan {
	t.Helper()
	p, err := sht.NewPlan(nside, lmax)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAgainstHealpy(t *testing.T) {
	sizes := [][2]int{{1, 2}, {2, 7}, {3, 11}, {4, 20}, {16, 47}, {15, 60}, {31, 40}, {64, 191}, {100, 299}, {32, 700}}
	args := []string{testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")}
	for _, s := range sizes {
		args = append(args, fmt.Sprintf("%d:%d", s[0], s[1]))
	}
	want := arrays(t, "testdata/healpy_transforms.py", args...)
	for _, s := range sizes {
		p := newPlan(t, s[0], s[1])
		name := fmt.Sprintf("_%d_%d", s[0], s[1])
		npix, size := p.Npix(), p.Size()
		alm, noise := complexes(want["alm"+name]), want["noise"+name]
		maps := make([]float64, 3*npix)
		if err := p.Alm2MapTo(maps[:npix], alm[:size]); err != nil {
			t.Fatal(err)
		}
		if err := p.Alm2MapSpin2To(maps[npix:], alm[size:]); err != nil {
			t.Fatal(err)
		}
		closeTo(t, "T"+name, maps[:npix], want["map"+name][:npix], 1e-11)
		closeTo(t, "QU"+name, maps[npix:], want["map"+name][npix:], 1e-11)
		for _, iter := range []int{0, 1, 3} {
			what := fmt.Sprint("iter", iter, name)
			if err := p.Map2AlmTo(alm[:size], noise[:npix], iter); err != nil {
				t.Fatal(err)
			}
			if err := p.Map2AlmSpin2To(alm[size:], noise[npix:], iter); err != nil {
				t.Fatal(err)
			}
			closeTo(t, "T "+what, reals(alm[:size]), want[what][:2*size], 1e-10)
			closeTo(t, "EB "+what, reals(alm[size:]), want[what][2*size:], 1e-10)
		}
	}
}

var _ = healpix.Ring
