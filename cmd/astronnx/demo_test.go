package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/sky"
)

// engineArgs select onnxruntime where the build can load it, else the reference engine.
func engineArgs(t testing.TB) []string {
	t.Helper()
	if !canLoad() {
		return inGo
	}
	return []string{"--library", testkit.ORT(t)}
}

func TestDemo(t *testing.T) {
	data := filepath.Dir(wmap(t))
	dir := filepath.Join(t.TempDir(), "made", "by", "demo")
	skies := 512
	if !canLoad() {
		skies = 0 // the Go engine would take minutes
	}
	args := append([]string{"demo", "--out", dir, "--data", data, "--width", "120", "--skies", fmt.Sprint(skies)}, engineArgs(t)...)
	r := decode[demoReport](t, ok(t, append(args, "--json")...).out)

	if len(r.Maps) != 3 || r.Maps[0].Ordering != "RING" || r.Maps[1].Ordering != "NESTED" || r.Maps[2].Masked != 4686 {
		t.Fatalf("maps: %+v", r.Maps)
	}
	for _, m := range r.Maps {
		if m.Error > 1e-6 || m.Pixels != 12288 || len(m.Bands) < 3 || m.Seconds <= 0 {
			t.Errorf("%s: %+v", m.Map, m)
		}
	}
	if r.Difference != 0 {
		t.Errorf("RING and NESTED input differ by %g", r.Difference)
	}
	if r.Engine.Engine == "onnxruntime" {
		for _, k := range r.Engine.Kernels {
			if !k.Native && k.Op != "ai.astronnx.healpix:HealpixNeighbors" {
				t.Errorf("%s runs its function body: %s", k.Op, k.Why)
			}
		}
	}
	if got := entries(t, dir); len(got) != len(r.Files) {
		t.Errorf("the folder holds %v, the report lists %v", got, r.Files)
	}

	// The bands in the files add up to the map in its file, in float64 as well.
	for run, in := range map[int]string{0: wmap(t), 2: wmapMasked(t)} {
		m := readSky(t, in)
		floor := rms(m)
		sum := make([][]float64, 3)
		for _, b := range r.Maps[run].Bands {
			band := readSky(t, b.File)
			if band.Order != healpix.Ring || band.Columns[1].Name != "Q_STOKES" || band.Columns[1].Unit != "mK" || band.Coord != "G" {
				t.Errorf("%s: %v %q %q %q", b.File, band.Order, band.Columns[1].Name, band.Columns[1].Unit, band.Coord)
			}
			for c := range sum {
				if sum[c] == nil {
					sum[c] = make([]float64, m.Len())
				}
				for p, v := range band.Columns[c].Float64() {
					sum[c][p] += v
				}
			}
		}
		for c := range sum {
			for p, v := range m.Columns[c].Float64() {
				if healpix.IsUnseen(v) {
					if x := sum[c][p] / float64(len(r.Maps[run].Bands)); !healpix.IsUnseen(x) {
						t.Fatalf("%s: column %d, pixel %d: bands have data where the map has none", in, c, p)
					}
				} else if e := math.Abs(sum[c][p]-v) / max(math.Abs(v), floor[c]); e > 1e-6 {
					t.Fatalf("%s: column %d, pixel %d: the bands add up to %g, want %g", in, c, p, sum[c][p], v)
				}
			}
		}
	}
	for _, f := range r.Files {
		if strings.HasSuffix(f, ".png") && filepath.Base(f) != "loss.png" {
			if b := openPNG(t, f).Bounds(); b.Dx() != 120 {
				t.Errorf("%s is %v", f, b)
			}
		}
	}

	t.Run("healpy opens the bands", func(t *testing.T) {
		python := testkit.Python(t, "healpy", "numpy")
		const script = `
import sys, healpy as hp, numpy as np
m = hp.read_map(sys.argv[1], field=None, dtype=None).astype(float)
s = sum(hp.read_map(f, field=None, dtype=None).astype(float) for f in sys.argv[2:])
e = np.abs(s - m) / np.maximum(np.abs(m), np.sqrt((m**2).mean(axis=1, keepdims=True)))
assert e.max() <= 1e-6, e.max()
`
		args := []string{"-c", script, wmap(t)}
		for _, b := range r.Maps[0].Bands {
			args = append(args, b.File)
		}
		if text, err := exec.Command(python, args...).CombinedOutput(); err != nil {
			t.Errorf("healpy: %v\n%s", err, text)
		}
	})

	// The network in the file is one that run takes, with the same result.
	out := filepath.Join(dir, "again-{output}.fits")
	ok(t, append([]string{"run", r.Network, wmap(t), "-o", out}, engineArgs(t)...)...)
	for _, b := range r.Maps[0].Bands {
		x, y := readSky(t, b.File), readSky(t, strings.ReplaceAll(out, "{output}", b.Name))
		for c := range x.Columns {
			if !x.Columns[c].Data.Equal(y.Columns[c].Data) {
				t.Errorf("band %s: run and demo differ", b.Name)
			}
		}
	}

	if skies > 0 {
		checkTraining(t, r.Training, skies)
	}

	// A second demo replaces the first and prints the table.
	text := ok(t, append(args, "--skies", fmt.Sprint(skies/16))...).out
	wants := []string{
		"WMAP", "RMS, µK", "sum of the bands", "reconstruction error", "NESTED", "4,686", "Run by " + r.Engine.Engine,
	}
	if skies > 0 {
		wants = append(wants, "RMS error in l_p", "For the WMAP map", "no measurement")
	}
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

// checkTraining holds that the network has learned something, and gives in run what it gave in demo.
func checkTraining(t *testing.T, tr *demoTraining, skies int) {
	t.Helper()
	if tr.Skies != skies || tr.Seen < 600 || tr.Seen > 700 || len(tr.History) != 16 || !(tr.WMAP > 0 && tr.WMAP < 25) {
		t.Errorf("training %+v", tr)
	}
	if !(tr.Likelihood < 0.3 && tr.Constant > 4 && tr.Constant < 4.7) || !(tr.Error < tr.Constant/4) {
		t.Errorf("errors %g of the network, %g of a constant, %g of the likelihood", tr.Error, tr.Constant, tr.Likelihood)
	}
	scores := decode[struct {
		Maps []struct{ Outputs []struct{ Values []float64 } }
	}](t, ok(t, append([]string{"run", tr.Network, wmapMasked(t), "--columns", "I", "--degrade", "--unseen", "zero", "--json"}, engineArgs(t)...)...).out)
	if got := scores.Maps[0].Outputs[0].Values[0]; math.Abs(got-tr.WMAP) > 1e-5*tr.WMAP {
		t.Errorf("run gives %g for the WMAP map, demo %g", got, tr.WMAP)
	}
}

func TestRunOrderOfTheMapDoesNotMatter(t *testing.T) {
	dir := t.TempDir()
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 32})
	if err != nil {
		t.Fatal(err)
	}
	net := writeModel(t, filepath.Join(dir, "bands.onnx"), m)
	ring := readSky(t, wmap(t))
	nested, err := ring.Reorder(healpix.Nested)
	if err != nil {
		t.Fatal(err)
	}
	in := writeSky(t, filepath.Join(dir, "nested.fits"), nested)
	ok(t, append([]string{"run", net, wmap(t), "-o", filepath.Join(dir, "ring-{output}.fits")}, engineArgs(t)...)...)
	ok(t, append([]string{"run", net, in, "-o", filepath.Join(dir, "nested-{output}.fits")}, engineArgs(t)...)...)
	for _, v := range m.Graph.Outputs {
		a := readSky(t, filepath.Join(dir, "ring-"+v.Name+".fits"))
		b := readSky(t, filepath.Join(dir, "nested-"+v.Name+".fits"))
		if a.Order != healpix.Ring || b.Order != healpix.Nested {
			t.Fatalf("orders %v, %v: want those of the input", a.Order, b.Order)
		}
		if b, err = b.Reorder(healpix.Ring); err != nil {
			t.Fatal(err)
		}
		for c := range a.Columns {
			if !a.Columns[c].Data.Equal(b.Columns[c].Data) {
				t.Errorf("%s, column %d: RING and NESTED input differ", v.Name, c)
			}
		}
	}
}

func TestDemoJudges(t *testing.T) {
	d := demonstration{report: demoReport{Maps: []demoMap{{Map: "a", Error: 1e-7}}}}
	if err := d.judge(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(){
		"error":      func() { d.report.Maps[0].Error = 2e-6 },
		"NaN":        func() { d.report.Maps[0].Error = math.NaN() },
		"difference": func() { d.report.Difference = 1e-9 },
	} {
		before := d.report
		before.Maps = slices.Clone(before.Maps)
		spoil()
		if d.judge() == nil {
			t.Errorf("%s: bands that are wrong pass", name)
		}
		d.report = before
	}
}

func TestReconstructFindsWhatIsMissing(t *testing.T) {
	m := ramp(t, 2, healpix.Ring, "I")
	half := ramp(t, 2, healpix.Ring, "I")
	for p, v := range floats(t, half.Columns[0]) {
		floats(t, half.Columns[0])[p] = v / 2
	}
	if _, e := reconstruct(m, []*sky.Map{half, half}); e != 0 {
		t.Errorf("two halves: error %g", e)
	}
	if _, e := reconstruct(m, []*sky.Map{half}); e != 0.5 {
		t.Errorf("one half: error %g, want 0.5", e)
	}
	floats(t, half.Columns[0])[7] = float32(math.NaN())
	if _, e := reconstruct(m, []*sky.Map{half, half}); !math.IsNaN(e) {
		t.Errorf("a NaN in a band: error %g, want NaN", e)
	}
}

func TestDemoRefuses(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "demo")
	fails(t, call(t, "demo", "--out", out, "--data", dir), exitInput, "no wmap_band_iqumap_r9_7yr_W", dir, "make deps")
	fails(t, call(t, "demo", "--out", out, "--threads", "-1"), exitUsage, "--threads -1")
	if got := entries(t, dir); len(got) != 0 {
		t.Errorf("the failed demo left %v", got)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fails(t, call(t, "demo", "--out", filepath.Join(file, "demo"), "--data", filepath.Dir(wmap(t))), exitOutput, "not a directory")
}

func TestValuesAreNested(t *testing.T) {
	x := graph.FromSlice([]float32{1, 2, 3, float32(math.NaN())}, 1, 2, 2)
	v, err := values(x)
	if err != nil {
		t.Fatal(err)
	}
	rows := v.([]any)
	if len(rows) != 2 || rows[0].([]any)[1] != float32(2) || rows[1].([]any)[1] != nil {
		t.Errorf("got %v", v)
	}
	if v, err = values(graph.Scalar(int64(7))); err != nil || v != int64(7) {
		t.Errorf("a scalar: got %v %v", v, err)
	}
}
