package sims_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/sky"
)

func TestTotcls(t *testing.T) {
	s, err := sims.ReadSpectra(testkit.Sky(t, "totcls.dat"), sims.SpectraFile{Dl: true, Lmax: 2000})
	if err != nil {
		t.Fatal(err)
	}
	// The file has l(l+1)C_l/2π: 1726.1, 0.067367, 0.027107, 3.6347 at l = 2.
	for name, c := range map[string][2]float64{
		"TT": {s.TT[2], 1726.1}, "EE": {s.EE[2], 0.067367}, "BB": {s.BB[2], 0.027107}, "TE": {s.TE[2], 3.6347},
	} {
		if want := c[1] * 2 * math.Pi / 6; math.Abs(c[0]-want) > 1e-12*want {
			t.Errorf("%s: got %v want %v", name, c[0], want)
		}
	}
}

// write makes a text file of the CMB's spectra as a program would.
func write(t *testing.T, header string, dl bool, scale float64, from int) string {
	t.Helper()
	s, err := sims.TauSpectra(0.06)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(header)
	for l := from; l <= sims.TauLmax; l++ {
		f := scale
		if dl {
			f *= float64(l*(l+1)) / (2 * math.Pi)
		}
		fmt.Fprintf(&b, "%6d %.9e %.9e %.9e %.9e\n", l, s.TT[l]*f, s.EE[l]*f, s.BB[l]*f, s.TE[l]*f)
	}
	path := filepath.Join(t.TempDir(), "cl.dat")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSpectra(t *testing.T) {
	const kelvin, class = 1e-12, 1 / (2.7255e6 * 2.7255e6)
	camb := "#    L    TT             EE             BB             TE\n"
	for name, c := range map[string]struct {
		dl    bool
		scale float64
		from  int
		of    sims.SpectraFile
		hint  string // empty: it is read
	}{
		"CAMB":                  {true, 1, 2, sims.SpectraFile{Dl: true, Lmax: 100}, ""},
		"healpy":                {false, 1, 0, sims.SpectraFile{Lmax: 100}, ""},
		"healpy in K":           {false, kelvin, 0, sims.SpectraFile{Unit: sims.Kelvin, Lmax: 100}, ""},
		"CLASS":                 {true, class, 2, sims.SpectraFile{Dl: true, Unit: sims.Dimensionless, Lmax: 191}, ""},
		"D_l for C_l":           {true, 1, 2, sims.SpectraFile{Lmax: 47}, `Dl: true, Unit: "µK"`},
		"C_l for D_l":           {false, 1, 0, sims.SpectraFile{Dl: true, Lmax: 47}, `Dl: false, Unit: "µK"`},
		"K for µK":              {false, kelvin, 0, sims.SpectraFile{Lmax: 47}, `Dl: false, Unit: "K"`},
		"no dimension for µK":   {true, class, 2, sims.SpectraFile{Dl: true, Lmax: 47}, `Dl: true, Unit: "1"`},
		"neither unit nor form": {true, class, 2, sims.SpectraFile{Lmax: 47}, `Dl: true, Unit: "1"`},
		"too short":             {true, 1, 2, sims.SpectraFile{Dl: true, Lmax: 192}, "larger l"},
	} {
		s, err := sims.ReadSpectra(write(t, camb, c.dl, c.scale, c.from), c.of)
		if c.hint != "" {
			if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("%s: error %v, want a hint of %s", name, err, c.hint)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, _ := sims.TauSpectra(0.06)
		for i, cl := range s.All() {
			if i < 4 && len(cl) != c.of.Lmax+1 {
				t.Errorf("%s: spectrum %d has %d l", name, i, len(cl))
			}
			for l, v := range cl {
				if w := want.All()[i][l]; math.Abs(v-w) > 1e-8*math.Abs(w) {
					t.Fatalf("%s: spectrum %d, l = %d: got %v want %v", name, i, l, v, w)
				}
			}
		}
	}
}

func TestReadHealpySpectra(t *testing.T) {
	path := testkit.Sky(t, "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits")
	s, err := sims.ReadSpectra(path, sims.SpectraFile{Unit: sims.MicroKelvin, Lmax: 64})
	if err != nil {
		t.Fatal(err)
	}
	// l = 2 as astropy reads the file's columns, which are TT, EE, BB, TE, TB, EB.
	for name, c := range map[string][2]float64{
		"TT": {s.TT[2], 4.8989e-5}, "EE": {s.EE[2], 1.13267e-5}, "BB": {s.BB[2], 1.51676e-6}, "TE": {s.TE[2], 1.87296e-5},
		"TB": {s.TB[2], -5.0661e-7}, "EB": {s.EB[2], -1.29908e-6},
	} {
		if math.Abs(c[0]-c[1]) > 1e-4*math.Abs(c[1]) {
			t.Errorf("%s: got %v want %v", name, c[0], c[1])
		}
	}
}

func TestBrokenSpectra(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"no number":     "2 x\n",
		"ragged":        "2 1 1\n3 1\n",
		"a gap in l":    "2 1\n4 1\n",
		"late start":    "30 1\n31 1\n",
		"infinite":      "2 inf\n3 1\n",
		"three columns": "2 1 1\n3 1 1\n",
	} {
		path := filepath.Join(t.TempDir(), "cl.dat")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var e *errs.Error
		if _, err := sims.ReadSpectra(path, sims.SpectraFile{Lmax: 2}); !errors.As(err, &e) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Between the depths of the table the spectra are CAMB's: data/camb_tau_check.npz, written by data/camb_tau.py.
func TestTauSpectra(t *testing.T) {
	list, err := sky.ReadArrays("data/camb_tau_check.npz", 0)
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string][]float64{}
	for _, a := range list {
		arrays[a.Name] = graph.Data[float64](a)
	}
	for k, tau := range arrays["tau"] {
		s, err := sims.TauSpectra(tau)
		if err != nil {
			t.Fatal(err)
		}
		all := s.All()
		for i := range 4 {
			want := arrays["cl"][(k*4+i)*(sims.TauLmax+1):][:sims.TauLmax+1]
			for l := 2; l <= sims.TauLmax; l++ {
				scale := math.Abs(want[l])
				if i == 3 { // TE crosses 0
					scale = math.Sqrt(all[0][l] * all[1][l])
				}
				if d := math.Abs(all[i][l] - want[l]); d > 2e-4*scale {
					t.Errorf("tau %v, spectrum %d, l = %d: got %v want %v", tau, i, l, all[i][l], want[l])
				}
			}
		}
	}
	for _, tau := range []float64{0.009, 0.131, math.NaN()} {
		if _, err := sims.TauSpectra(tau); err == nil {
			t.Errorf("tau %v: no error", tau)
		}
	}
}
