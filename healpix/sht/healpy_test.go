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
	sizes := [][2]int{{1, 2}, {2, 7}, {3, 11}, {4, 20}, {16, 47}, {15, 60}, {31, 40}, {64, 191}, {50, 149}, {8, 200}, {4, 700}}
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

// The real maps: alm and spectra with healpy's own ring weights and without, rotations, smoothing.
func TestWMAPAgainstHealpy(t *testing.T) {
	file := testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
	want := arrays(t, "testdata/healpy_transforms.py", file)
	const lmax = 95
	p := newPlan(t, 32, lmax)
	weights, err := sky.ReadTable(testkit.Sky(t, "weight_ring_n00032.fits"), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := weights[0].Float64()
	for i := range w {
		w[i]++
	}
	weighted, err := p.WithRingWeights(w)
	if err != nil {
		t.Fatal(err)
	}
	iqu := wmap(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
	for name, p := range map[string]*sht.Plan{"": p, "_weights": weighted} {
		alm := make([]complex128, 3*p.Size())
		if err := p.Map2AlmTQU(alm, iqu, 3); err != nil {
			t.Fatal(err)
		}
		// T is a hundred times as large as Q and U.
		n := 2 * p.Size()
		closeTo(t, "T"+name, reals(alm[:p.Size()]), want["wmap_alm"+name][:n], 1e-10)
		closeTo(t, "EB"+name, reals(alm[p.Size():]), want["wmap_alm"+name][n:], 1e-10)
		s, err := p.Anafast(iqu, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, cl := range s.All() {
			closeTo(t, fmt.Sprint("spectrum ", i, name), cl, want["wmap_cl"+name][i*(lmax+1):(i+1)*(lmax+1)], 1e-10)
		}
	}
	alm := complexes(want["wmap_alm"][:2*p.Size()])
	for name, r := range map[string]sht.Rotation{
		"wmap_turned": sht.Euler(0.3, 0.5, 0.7), "wmap_g2e": coordinates(t, "G", "E"), "wmap_g2c": coordinates(t, "G", "C"),
	} {
		turned := append([]complex128(nil), alm...)
		if err := sht.RotateAlm(turned, r); err != nil {
			t.Fatal(err)
		}
		tolerance := 1e-10
		if name != "wmap_turned" {
			tolerance = 1e-3 // healpy's poles are those of other epochs, up to 1e-5 of a radian apart
		}
		closeTo(t, name, reals(turned), want[name], tolerance)
	}
	bt, bp := sht.GaussBeam(5*math.Pi/180, 60)
	closeTo(t, "beam", bt, want["beam"][:61], 1e-14)
	closeTo(t, "polarised beam", bp, want["beam"][61:122], 1e-14)
	bt, bp = sht.GaussBeam(10*math.Pi/180, lmax)
	smooth := make([]float64, len(iqu))
	npix := p.Npix()
	if err := p.SmoothTo(smooth[:npix], iqu[:npix], bt, 3); err != nil {
		t.Fatal(err)
	}
	if err := p.SmoothSpin2To(smooth[npix:], iqu[npix:], bp, 3); err != nil {
		t.Fatal(err)
	}
	closeTo(t, "smooth T", smooth[:npix], want["wmap_smooth"][:npix], 1e-10)
	closeTo(t, "smooth QU", smooth[npix:], want["wmap_smooth"][npix:], 1e-10)
}

func coordinates(t *testing.T, from, to string) sht.Rotation {
	t.Helper()
	r, err := sht.Coordinates(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wmap returns the columns of a map file one behind the other.
func wmap(t *testing.T, name string) []float64 {
	t.Helper()
	m, err := sky.ReadMap(testkit.Sky(t, name), sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for i := range m.Columns {
		all = append(all, m.Columns[i].Float64()...)
	}
	return all
}

// The spectra that healpy's authors computed in Fortran of the masked map, monopole removed: lmax 64, 3 iterations.
func TestAnafastReference(t *testing.T) {
	iqu := wmap(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_masked.fits")
	p := newPlan(t, 32, 64)
	sum, seen := 0.0, 0
	for _, v := range iqu[:p.Npix()] {
		if !healpix.IsUnseen(v) {
			sum, seen = sum+v, seen+1
		}
	}
	for i, v := range iqu[:p.Npix()] {
		if !healpix.IsUnseen(v) {
			iqu[i] = v - sum/float64(seen)
		}
	}
	s, err := p.Anafast(iqu, 3)
	if err != nil {
		t.Fatal(err)
	}
	file, err := sky.ReadTable(testkit.Sky(t, "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits"),
		sky.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The file's columns are TT, EE, BB, TE, TB, EB, of seven digits.
	got := s.All()
	got[4], got[5] = got[5], got[4]
	for i := range file {
		closeTo(t, file[i].Name, got[i], file[i].Float64(), 1e-6)
	}
}
