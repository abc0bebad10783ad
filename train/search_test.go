package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// circleRuns builds trainings of the perceptron for points with a rate and a batch.
func circleRuns(c runtime.Config, epochs int, built *atomic.Int32) func(train.Point) (*train.Fit, train.Options, error) {
	return func(p train.Point) (*train.Fit, train.Options, error) {
		built.Add(1)
		return train.New(perceptron(), train.MSE(), train.Adam(p["rate"])),
			train.Options{Epochs: epochs, Batch: int(p["batch"]), Validation: circle(40, 2), Engine: c}, nil
	}
}

func TestSearchGrid(t *testing.T) {
	c := fastest(t)
	dir := t.TempDir()
	var built atomic.Int32
	done := 0
	ranges := []train.Range{train.Choice("rate", 1e-4, 1e-2, 1e30), train.Choice("batch", 16, 32)}
	o := train.SearchOptions{Parallel: 2, Threads: 2, Folder: dir, Done: func(train.Trial) { done++ }}
	r, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 4, &built))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trials) != 6 || done != 6 || built.Load() != 6 {
		t.Fatalf("%d trials, %d told, %d built: want 6", len(r.Trials), done, built.Load())
	}
	// In four epochs the middle rate learns more than the low one, and the high one diverges.
	for i, want := range []float64{1e-2, 1e-2, 1e-4, 1e-4, 1e30, 1e30} {
		got := r.Trials[i]
		if got.Point["rate"] != want || (got.Failure != "") != (i > 3) || math.IsNaN(got.Loss) != (i > 3) {
			t.Errorf("place %d: %+v", i, got)
		}
		if i > 0 && i < 4 && got.Loss < r.Trials[i-1].Loss {
			t.Errorf("place %d has the smaller loss", i)
		}
	}
	if steps := 4 * int64(160/r.Trials[0].Point["batch"]); r.Trials[0].Steps != steps || r.Trials[0].Epochs != 4 {
		t.Errorf("%+v: want %d steps in 4 epochs", r.Trials[0], steps)
	}
	text, err := os.ReadFile(filepath.Join(dir, "search.csv"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || len(lines) != 7 || lines[0] != "run,rate,batch,loss,epoch,epochs,steps,seconds,failure" || !strings.Contains(lines[6], "diverged") {
		t.Errorf("search.csv is %q, %v", text, err)
	}

	// The best network is that of the first row.
	f, fo, err := circleRuns(c.WithThreads(1), 4, &built)(r.Trials[0].Point)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Run(context.Background(), circle(160, 1), fo); err != nil {
		t.Fatal(err)
	}
	if d := graph.Diff(f.Best(), r.Best.Best()); len(d) > 0 {
		t.Errorf("the best network is not that of %v: %v", r.Trials[0].Point, d)
	}

	// A second search reads everything back, the best weights included.
	again, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 4, &built))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range again.Trials {
		if want := r.Trials[i]; !got.Restored || got.Run != want.Run || got.Seconds != want.Seconds ||
			got.Loss != want.Loss && !(math.IsNaN(got.Loss) && math.IsNaN(want.Loss)) {
			t.Errorf("place %d: %+v, was %+v", i, got, want)
		}
	}
	if d := graph.Diff(r.Best.Best(), again.Best.Best()); len(d) > 0 {
		t.Errorf("the best network differs: %v", d)
	}
	// With more epochs runs go on.
	more, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 5, &built))
	if err != nil {
		t.Fatal(err)
	}
	if best := more.Trials[0]; best.Restored || best.Epochs != 5 || best.Of != 5 || best.Loss > r.Trials[0].Loss {
		t.Errorf("with five epochs the best is %+v, with four it was %+v", best, r.Trials[0])
	}
}

// A search that is cut goes on, to what it would have come to.
func TestSearchResumes(t *testing.T) {
	c := fastest(t)
	var built atomic.Int32
	ranges := []train.Range{train.LogUniform("rate", 1e-3, 1e-2), train.Choice("batch", 16, 32)}
	o := train.SearchOptions{Runs: 4, Seed: 3, Threads: 1}
	whole, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 3, &built))
	if err != nil {
		t.Fatal(err)
	}
	o.Folder = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	o.Done = func(train.Trial) {
		if n++; n == 2 {
			cancel()
		}
	}
	if _, err := train.Search(ctx, circle(160, 1), ranges, o, circleRuns(c, 3, &built)); !errors.Is(err, errs.Canceled) || n != 2 {
		t.Fatalf("got %v after %d runs: want a cancelled search after 2", err, n)
	}
	restored := 0
	o.Done = func(t train.Trial) {
		if t.Restored {
			restored++
		}
	}
	r, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 3, &built))
	if err != nil {
		t.Fatal(err)
	}
	if restored != 2 {
		t.Errorf("%d runs were read back, want 2", restored)
	}
	for i, got := range r.Trials {
		if want := whole.Trials[i]; got.Run != want.Run || got.Loss != want.Loss {
			t.Errorf("place %d: %+v, want %+v", i, got, want)
		}
	}
	o.Seed++
	if _, err := train.Search(context.Background(), circle(160, 1), ranges, o, circleRuns(c, 3, &built)); !errors.Is(err, errs.Input) ||
		!strings.Contains(err.Error(), "another search") {
		t.Errorf("got %v want the folder refused", err)
	}
}

func TestSearchDraws(t *testing.T) {
	draws := func(runs int, ranges ...train.Range) []train.Point {
		list, err := train.Points(ranges, runs, 1)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	ranges := []train.Range{train.Uniform("u", -1, 3), train.LogUniform("l", 1e-4, 1), train.Integer("i", 2, 4), train.Choice("c", 7, 9)}
	list := draws(400, ranges...)
	low, seen := 0, map[float64]int{}
	for _, p := range list {
		if !(p["u"] >= -1 && p["u"] <= 3 && p["l"] >= 1e-4 && p["l"] <= 1) {
			t.Fatalf("%v is out of range", p)
		}
		if p["l"] < 1e-2 {
			low++
		}
		seen[p["i"]]++
		seen[p["c"]]++
	}
	// Half of the logarithms, a third of the integers, half of the choices: five standard deviations are 50, 47 and 50.
	if low < 150 || low > 250 || seen[2] < 86 || seen[3] < 86 || seen[4] < 86 || seen[7] < 150 || seen[9] < 150 || len(seen) != 5 {
		t.Errorf("%d of 400 below the middle, %v", low, seen)
	}
	if few := draws(3, ranges...); !slices.EqualFunc(few, list[:3], func(a, b train.Point) bool { return a.String() == b.String() }) {
		t.Errorf("a search of three runs begins with %v, one of 400 with %v", few, list[:3])
	}
}

func TestBadSearches(t *testing.T) {
	for want, ranges := range map[string][]train.Range{
		"rate from 2 to 1":        {train.Uniform("rate", 2, 1)},
		"rate from 0 to 1":        {train.LogUniform("rate", 0, 1)},
		"batch from 3 to 2":       {train.Integer("batch", 3, 2)},
		"batch expected values":   {train.Choice("batch")},
		"two ranges of batch":     {train.Choice("batch", 1), train.Choice("batch", 2)},
		"no end along rate":       {train.Choice("batch", 1), train.Uniform("rate", 0, 1)},
		"more than 65536 points":  {train.Integer("a", 1, 1000), train.Integer("b", 1, 1000)},
		"no batch of 4096":        {train.Choice("batch", 4096)},
		"all 1 runs failed; the ": {train.Choice("batch", 8)},
	} {
		_, err := train.Search(context.Background(), circle(64, 1), ranges, train.SearchOptions{}, func(p train.Point) (*train.Fit, train.Options, error) {
			return train.New(perceptron(), train.MSE(), train.SGD(1e30, 0)), train.Options{Batch: int(p["batch"]), Epochs: 9,
				Engine: engines(t)["reference"]}, nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v want an error with %q", err, want)
		}
	}
}

func TestTrialAsJSON(t *testing.T) {
	for _, want := range []train.Trial{
		{Run: 3, Point: train.Point{"rate": 0.1}, Loss: 0.25, Epoch: 2, Epochs: 4, Of: 5, Steps: 12, Seconds: 1.5},
		{Run: 1, Point: train.Point{}, Loss: math.NaN(), Failure: "diverged"},
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got train.Trial
		if err := json.Unmarshal(text, &got); err != nil || got.Run != want.Run || got.Steps != want.Steps || got.Failure != want.Failure ||
			got.Point["rate"] != want.Point["rate"] || got.Loss != want.Loss && !(math.IsNaN(got.Loss) && math.IsNaN(want.Loss)) {
			t.Errorf("%s read as %+v, %v; was %+v", text, got, err, want)
		}
	}
}
