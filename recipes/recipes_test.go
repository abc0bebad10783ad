package recipes_test

import (
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/recipes"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

func quick(t testing.TB) recipes.Options {
	engine := runtime.NewConfig().WithOps(healpixop.Set()).WithThreads(1)
	if s, _ := ort.Find("", false); len(s.Tried) == 0 || s.Tried[0].Where != "this build" { // which can load libraries
		engine = engine.WithLibrary(testkit.ORT(t))
	}
	return recipes.Options{Quick: true, Folder: t.TempDir(), Command: "astronnx train", Engine: engine}
}

func find(t testing.TB, name string) *recipes.Recipe {
	t.Helper()
	r, err := recipes.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scale is what the file multiplies the network's output by.
func scale(t *testing.T, file, output string) []float64 {
	t.Helper()
	m, err := runtime.Load(file, runtime.NewConfig().WithEngine("reference"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var p struct{ Scale []float64 }
	if err := json.Unmarshal([]byte(m.Metadata()["astronnx."+output+".postprocessing"]), &p); err != nil {
		t.Fatal(err)
	}
	return p.Scale
}

// Every recipe goes from simulation to report, with all rows and pictures.
func TestQuick(t *testing.T) {
	for _, r := range recipes.All() {
		t.Run(r.Name, func(t *testing.T) {
			o := quick(t)
			o.Seeds = 2
			want := 1
			switch r.Name {
			case "peak":
				o.Noise, want = []float64{0, 5}, 2
			case "peak-eb":
				o.Fsky, want = []float64{1, 0.5}, 2
			case "tau":
				o.Transport, want = true, 2
			case "tau-planck":
				o.Template, want = true, 2
			}
			report, err := r.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(report.File)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Cases) != want {
				t.Fatalf("%d cases want %d", len(report.Cases), want)
			}
			if a, b := report.Cases[0], report.Cases[want-1]; r.Name == "tau" && (b.Name != a.Name+", transport" || b.Exact != a.Exact ||
				b.Networks[0].Score == a.Networks[0].Score) {
				t.Errorf("transport changes the skies, or not the network:\n%+v\n%+v", a, b)
			}
			for _, c := range report.Cases {
				for _, want := range []string{"## " + c.Name + "\n", "| constant |", "| network, seed 1 |", "| network, seed 2 |",
					"| networks, mean of seeds |", "| " + c.ExactName + " |", "skies/s", "astronnx train"} {
					if !strings.Contains(string(text), want) {
						t.Errorf("%s: no %q in the report", c.Name, want)
					}
				}
				if len(c.Networks) != 2 || c.Networks[0].Score == c.Networks[1].Score {
					t.Errorf("%s: networks of two seeds score alike: %+v", c.Name, c.Networks[0].Score)
				}
				for _, n := range c.Networks {
					if learned, told := scale(t, n.File, "mean"), scale(t, n.File, "sigma"); len(n.Widths) != len(told) {
						t.Errorf("%s: %d widths of pulls for %d parameters", c.Name, len(n.Widths), len(told))
					} else {
						for k, width := range n.Widths {
							if got := told[k] / learned[k]; !(math.Abs(got-width) < 1e-6*width) || width == 1 {
								t.Errorf("%s: sigma is %g times what was learned, pulls are %g wide", c.Name, got, width)
							}
						}
					}
				}
				if !(c.Constant.Mean > 0 && c.Exact.Mean > 0 && c.Exact.Mean < 1000 && c.Networks[0].Score.Pull > 0) {
					t.Errorf("%s: %+v", c.Name, c)
				}
				if r.Name == "tau-planck" && (len(c.Points) != 3 || len(c.Networks[0].Points) != 3) {
					t.Errorf("%s: points %+v", c.Name, c.Points)
				}
				for _, p := range c.Pictures {
					f, err := os.Open(filepath.Join(o.Folder, p[1]))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := png.Decode(f); err != nil {
						t.Errorf("%s: %v", p[1], err)
					}
					f.Close()
				}
			}
		})
	}
}

// Seeds that were trained apart are those of one run.
func TestFirstSeed(t *testing.T) {
	r, o := find(t, "tau"), quick(t)
	o.Seeds, o.FirstSeed = 1, 2
	apart, err := r.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Folder, o.Seeds, o.FirstSeed = t.TempDir(), 2, 0
	whole, err := r.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	a, b := apart.Cases[0].Networks, whole.Cases[0].Networks
	if len(a) != 1 || a[0].Seed != 2 || a[0].Score != b[1].Score || a[0].Score == b[0].Score {
		t.Errorf("seed 2 alone came to %+v, seeds 1 and 2 to %+v", a, b)
	}
}

// Networks that are trained at a time are those that are trained one after another, interrupted or not.
func TestParallel(t *testing.T) {
	r, o := find(t, "tau"), quick(t)
	o.Seeds, o.Engine = 3, o.Engine.WithThreads(1)
	want, err := r.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Folder, o.Parallel, o.Threads = t.TempDir(), 2, 2
	ctx, cancel := context.WithCancel(t.Context())
	steps := map[int]int{}
	o.Progress = func(seed int, _ train.Progress) {
		if steps[seed]++; steps[1] > 2 && steps[2] > 2 {
			cancel()
		}
	}
	if _, err := r.Run(ctx, o); !errors.Is(err, errs.Canceled) || len(steps) != 2 {
		t.Fatalf("got %v after steps %v", err, steps)
	}
	got, err := r.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range got.Cases[0].Networks {
		if w := want.Cases[0].Networks[i]; n.Seed != uint64(i+1) || n.Score != w.Score || steps[i+1] != int(w.Steps) {
			t.Errorf("seed %d after %d steps: %+v, want %+v after %d", n.Seed, steps[i+1], n.Score, w.Score, w.Steps)
		}
	}

	// A training that fails ends the others, and is what is told.
	o.Folder, o.Progress = t.TempDir(), nil
	seed2 := filepath.Join(o.Folder, "f_sky-1", "seed-2")
	if err := os.MkdirAll(filepath.Dir(seed2), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(seed2, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), o); !errors.Is(err, errs.Output) {
		t.Errorf("a file in the place of a folder: got %v", err)
	}
}

// Networks at a time share threads and memory with those that there are: no more than seeds.
func TestParallelShares(t *testing.T) {
	engine := runtime.NewConfig().WithThreads(7)
	for _, c := range []struct{ seeds, parallel, threads, abreast, each int }{{3, 1, 6, 1, 7}, {3, 2, 6, 2, 3}, {3, 8, 6, 3, 2}, {1, 8, 6, 1, 6}, {4, 4, 2, 4, 1}} {
		o := recipes.Shared(recipes.Options{Seeds: c.seeds, Parallel: c.parallel, Threads: c.threads, Engine: engine})
		if o.Parallel != c.abreast || !reflect.DeepEqual(o.Engine, engine.WithThreads(c.each)) {
			t.Errorf("%+v: got %d at a time, %+v", c, o.Parallel, o.Engine)
		}
	}
	for _, c := range []struct {
		samples, trainings int // of 4 MiB, beside how many
		kept               bool
	}{{2, 1, true}, {2, 512, true}, {2, 513, false}, {513, 2, false}, {1025, 1, false}} {
		ds, err := dataset.Generate(c.samples, []dataset.Field{{Name: "x", DType: graph.Float32, Shape: []int64{1 << 20}}},
			func(context.Context, int, []*graph.Tensor) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := recipes.Kept(t.Context(), ds, c.trainings)
		if err != nil || dataset.InMemory(got) != c.kept {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The likelihood at nside 16 has the errors that were found for it by drawing spectra instead of maps, and the constant those of
// theory: the mean of |√(5·20) - l|/l over 5 to 20 is 1/3.
func TestPeakBaselines(t *testing.T) {
	for noise, want := range map[float64]float64{0: 0.54, 5: 2.49} {
		o := quick(t)
		o.Noise, o.Test = []float64{noise}, 400
		c, err := recipes.Baselines(t.Context(), find(t, "peak"), o)
		if err != nil {
			t.Fatal(err)
		}
		// 400 skies tell the mean of |errors| to 4 %.
		if got := c.Exact.Mean; math.Abs(got-want) > 0.15*want {
			t.Errorf("noise %g: the likelihood's mean error is %.3f %%, want %.2f", noise, got, want)
		}
		if p := c.Exact.Pull; math.Abs(p-1) > 0.15 {
			t.Errorf("noise %g: the likelihood's pulls have %v", noise, p)
		}
		if got := c.Constant.Mean; math.Abs(got-33.3) > 3 {
			t.Errorf("the constant's mean error is %v", got)
		}
	}
}

// Turning and mirroring a sky to train on changes no power: a mirrored U of the wrong sign would make B of E.
func TestTurnedSpectra(t *testing.T) {
	for _, name := range []string{"peak", "peak-eb", "tau-planck"} {
		moved := 0
		for seed := range uint64(8) {
			before, after, err := recipes.Turned(find(t, name), quick(t), seed)
			if err != nil {
				t.Fatal(err)
			}
			for c := range before {
				for i, cl := range before[c].All() {
					if i > 2 { // the sign of TE and the like depends on the view
						break
					}
					for l, v := range cl {
						if d := math.Abs(after[c].All()[i][l] - v); d > 1e-5*slices.Max(append(slices.Clone(before[c].EE), before[c].TT...)) {
							t.Fatalf("%s, seed %d, channel %d, spectrum %d, l = %d: %v became %v", name, seed, c, i, l, v, after[c].All()[i][l])
						}
						if after[c].All()[i][l] != v {
							moved++
						}
					}
				}
			}
		}
		if moved == 0 {
			t.Errorf("%s: no sky was turned", name)
		}
	}
}

// A recipe that is interrupted goes on where it was, and comes to the same.
func TestInterrupted(t *testing.T) {
	for _, r := range recipes.All() {
		t.Run(r.Name, func(t *testing.T) {
			o := quick(t)
			o.Skies, o.Test = 128, 20
			want, err := r.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			o.Folder = t.TempDir()
			steps := 0
			for _, stop := range []string{"unseen skies", "exact likelihood", "network of seed 1", "step 7"} {
				ctx, cancel := context.WithCancel(t.Context())
				o.Watch = func(what string) {
					if strings.HasSuffix(what, stop) {
						cancel()
					}
				}
				o.Progress = func(int, train.Progress) {
					if steps++; stop == "step 7" && steps == 7 {
						cancel()
					}
				}
				if _, err := r.Run(ctx, o); !errors.Is(err, errs.Canceled) {
					t.Fatalf("%s: got %v", stop, err)
				}
				if _, err := os.Stat(filepath.Join(o.Folder, "report.md")); err == nil {
					t.Errorf("%s: there is a report of an interrupted run", stop)
				}
			}
			o.Watch = nil
			got, err := r.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if steps != int(got.Cases[0].Networks[0].Steps) {
				t.Errorf("%d steps were taken for %d", steps, got.Cases[0].Networks[0].Steps)
			}
			if a, b := got.Cases[0].Networks[0].Score, want.Cases[0].Networks[0].Score; a != b {
				t.Errorf("scores %+v, unbroken %+v", a, b)
			}
			if a, b := got.Cases[0].Exact, want.Cases[0].Exact; a != b {
				t.Errorf("the likelihood's scores %+v, unbroken %+v", a, b)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(o *recipes.Options){
		"f_sky 2":    func(o *recipes.Options) { o.Fsky = []float64{2} },
		"noise -1":   func(o *recipes.Options) { o.Noise = []float64{-1} },
		"20":         func(o *recipes.Options) { o.Test = 3 },
		"dropout 1":  func(o *recipes.Options) { o.Dropout = 1 },
		"no folder":  func(o *recipes.Options) { o.Folder = "" },
		"at least 1": func(o *recipes.Options) { o.Epochs = -1 },
		"no batch":   func(o *recipes.Options) { o.Skies = 3 },
		"needs some": func(o *recipes.Options) { o.Noise = []float64{0} },
		"none of":    func(o *recipes.Options) { o.Fsky = []float64{1e-4} },
	} {
		o := quick(t)
		change(&o)
		if _, err := find(t, "tau-planck").Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	o := quick(t)
	o.Transport = true
	if _, err := find(t, "peak").Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "none of") {
		t.Errorf("transport of T: got %v", err)
	}
	if _, err := recipes.Find("sigma8"); err == nil || !strings.Contains(err.Error(), "tau-planck") {
		t.Errorf("got %v", err)
	}
}

func TestMask(t *testing.T) {
	mask := make([]bool, 12)
	mask[0], mask[9], mask[11] = true, true, true
	text := recipes.EncodeMask(mask)
	got, err := recipes.DecodeMask(text, 12)
	if err != nil || text != "AQo=" {
		t.Fatalf("%q, %v", text, err)
	}
	for i := range mask {
		if got[i] != mask[i] {
			t.Errorf("pixel %d is %v", i, got[i])
		}
	}
	for _, bad := range []string{"AQ==", "AQoA", "%"} {
		if _, err := recipes.DecodeMask(bad, 12); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
