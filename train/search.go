package train

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// A Range is a number that a [Search] tries values of.
type Range struct {
	Name   string
	values []float64                  // all of them; nil: there is no end
	draw   func(r *rand.Rand) float64 // nil: one of values
	bad    string
}

// Uniform draws numbers from low to high.
func Uniform(name string, low, high float64) Range {
	r := Range{Name: name, draw: func(r *rand.Rand) float64 { return low + (high-low)*r.Float64() }}
	if !(low < high) || math.IsInf(high-low, 0) {
		r.bad = fmt.Sprintf("from %g to %g: expected a range", low, high)
	}
	return r
}

// LogUniform draws numbers from low to high whose logarithms are uniform, as suits learning rates.
func LogUniform(name string, low, high float64) Range {
	r := Range{Name: name, draw: func(r *rand.Rand) float64 { return low * math.Exp(math.Log(high/low)*r.Float64()) }}
	if !(0 < low && low < high) || math.IsInf(high, 0) {
		r.bad = fmt.Sprintf("from %g to %g: expected a range above 0", low, high)
	}
	return r
}

// Integer takes whole numbers from low to high, both included.
func Integer(name string, low, high int) Range {
	r := Range{Name: name}
	if high < low || high-low >= 1<<20 {
		r.bad = fmt.Sprintf("from %d to %d: expected a range", low, high)
		return r
	}
	for i := low; i <= high; i++ {
		r.values = append(r.values, float64(i))
	}
	return r
}

// Choice takes the given values.
func Choice(name string, values ...float64) Range {
	r := Range{Name: name, values: values}
	if len(values) == 0 {
		r.bad = "expected values to choose from"
	}
	return r
}

// A Point is a value for each range of a search, by name.
type Point map[string]float64

// SearchOptions say how a search goes; zero fields mean the defaults named with them.
type SearchOptions struct {
	Runs     int    // points to draw at random; 0: the grid of all values
	Seed     uint64 // of the points; a search of more runs begins with those of one of fewer
	Parallel int    // runs at a time; 1
	Threads  int    // of all runs at a time together; as many as there are processors
	// Folder gets a folder for each run, with its checkpoints and history, and search.csv. Runs that ended there are read back,
	// others go on from their checkpoints. Empty: none is kept.
	Folder string
	// Done is called when a run has ended, by one goroutine at a time.
	Done func(Trial)
}

// A Trial is what a run of a search came to.
type Trial struct {
	Run      int     `json:"run"` // from 1
	Point    Point   `json:"point"`
	Loss     float64 `json:"loss"`  // smallest of an epoch; NaN, in JSON null, for a run that failed
	Epoch    int     `json:"epoch"` // that had it, from 0
	Epochs   int     `json:"epochs"`
	Of       int     `json:"of_epochs"` // as many as were asked for
	Steps    int64   `json:"steps"`
	Seconds  float64 `json:"seconds"`
	Failure  string  `json:"failure,omitempty"` // why it has no loss: it diverged
	Restored bool    `json:"-"`                 // read back
}

// MarshalJSON writes a loss that is no number as null.
func (t Trial) MarshalJSON() ([]byte, error) {
	type plain Trial
	row := struct {
		plain
		Loss *float64 `json:"loss"`
	}{plain: plain(t)}
	if !math.IsNaN(t.Loss) {
		row.Loss = &t.Loss
	}
	return json.Marshal(row)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Trial) UnmarshalJSON(b []byte) error {
	type plain Trial
	row := struct {
		*plain
		Loss *float64 `json:"loss"`
	}{plain: (*plain)(t)}
	if err := json.Unmarshal(b, &row); err != nil {
		return err
	}
	t.Loss = math.NaN()
	if row.Loss != nil {
		t.Loss = *row.Loss
	}
	return nil
}

// SearchReport is what a search comes to.
type SearchReport struct {
	Trials []Trial // smallest loss first, failed runs last
	Best   *Fit    // of the first trial, after its run
	names  []string
}

// Table returns the trials as rows of text below a header.
func (r *SearchReport) Table() [][]string {
	head := append([]string{"run"}, r.names...)
	rows := [][]string{append(head, "loss", "epoch", "epochs", "steps", "seconds", "failure")}
	for _, t := range r.Trials {
		row := []string{strconv.Itoa(t.Run)}
		for _, name := range r.names {
			row = append(row, strconv.FormatFloat(t.Point[name], 'g', -1, 64))
		}
		loss := ""
		if !math.IsNaN(t.Loss) {
			loss = strconv.FormatFloat(t.Loss, 'g', -1, 64)
		}
		rows = append(rows, append(row, loss, strconv.Itoa(t.Epoch), strconv.Itoa(t.Epochs), strconv.FormatInt(t.Steps, 10),
			strconv.FormatFloat(t.Seconds, 'f', 3, 64), t.Failure))
	}
	return rows
}

// WriteCSV writes the table of trials as CSV.
func (r *SearchReport) WriteCSV(w io.Writer) error { return csv.NewWriter(w).WriteAll(r.Table()) }

// search is a Search under way.
type search struct {
	SearchOptions
	data   dataset.Dataset
	build  func(Point) (*Fit, Options, error)
	points []Point

	mu     sync.Mutex
	trials []Trial
	best   *Fit // of trials[of], nil where that was read back
	of     int
}

// Search trains once for each of several points, drawn at random or on a grid, and sorts what they come to. build makes the
// training of a point; Search sets its threads and its folder. Many goroutines may call it at once, and it is called again for a best
// run that was read back.
//
// A run that diverges is a row of the table; any other error ends the search. When ctx ends, runs write checkpoints.
func Search(ctx context.Context, data dataset.Dataset, ranges []Range, o SearchOptions, build func(Point) (*Fit, Options, error)) (*SearchReport, error) {
	o.Parallel, o.Threads = cmp.Or(o.Parallel, 1), cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	if o.Runs < 0 || o.Parallel < 1 || o.Threads < 1 {
		return nil, errs.New(errs.Input, "a search of %d runs, %d at a time, on %d threads: expected none below 0, and at least 1 of the others", o.Runs,
			o.Parallel, o.Threads)
	}
	s := &search{SearchOptions: o, data: data, build: build}
	var err error
	if s.points, err = points(ranges, o.Runs, o.Seed); err != nil {
		return nil, err
	}
	s.trials = make([]Trial, len(s.points))
	if err := s.all(ctx); err != nil {
		return nil, err
	}
	return s.report(ctx, ranges)
}

// mostPoints bounds a grid.
const mostPoints = 1 << 16

func points(ranges []Range, runs int, seed uint64) ([]Point, error) {
	seen := map[string]bool{}
	size := 1
	for _, r := range ranges {
		switch {
		case r.bad != "":
			return nil, errs.New(errs.Input, "%s %s", r.Name, r.bad)
		case seen[r.Name]:
			return nil, errs.New(errs.Input, "there are two ranges of %s", r.Name)
		case runs == 0 && r.values == nil:
			return nil, errs.New(errs.Input, "a grid has no end along %s", r.Name).WithHint("say how many points to draw, or give values")
		}
		seen[r.Name] = true
		if size *= max(len(r.values), 1); runs == 0 && size > mostPoints {
			return nil, errs.New(errs.Limit, "the grid has more than %d points", mostPoints).WithHint("draw some at random")
		}
	}
	var list []Point
	if runs == 0 {
		for i := range size {
			p := Point{}
			for k := len(ranges) - 1; k >= 0; k-- {
				v := ranges[k].values
				p[ranges[k].Name] = v[i%len(v)]
				i /= len(v)
			}
			list = append(list, p)
		}
		return list, nil
	}
	for i := range runs {
		p := Point{}
		for k, r := range ranges {
			rng := dataset.RNG(seed, uint64(i), uint64(k))
			if r.draw != nil {
				p[r.Name] = r.draw(rng)
			} else {
				p[r.Name] = r.values[rng.IntN(len(r.values))]
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// all goes through the points, some at a time.
func (s *search) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	var first error
	for range min(s.Parallel, len(s.points)) {
		wg.Go(func() {
			for i := range next {
				if err := s.one(ctx, i); err != nil {
					s.mu.Lock()
					if first == nil || errors.Is(first, errs.Canceled) {
						first = err
					}
					s.mu.Unlock()
					cancel(err)
				}
			}
		})
	}
	for i := range s.points {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if first == nil && ctx.Err() != nil {
		first = errs.New(errs.Canceled, "search: %w", context.Cause(ctx))
	}
	return first
}

// folder is that of run i.
func (s *search) folder(i int) string {
	if s.Folder == "" {
		return ""
	}
	return filepath.Join(s.Folder, fmt.Sprintf("run-%03d", i+1))
}

// resultName is the file that tells of a run that has ended.
const resultName = "result.json"

// one trains at point i, or reads back what came of it.
func (s *search) one(ctx context.Context, i int) error {
	f, o, err := s.prepare(i)
	if err != nil {
		return err
	}
	t := Trial{Run: i + 1, Point: s.points[i], Of: cmp.Or(o.Epochs, 1)}
	found, err := s.restore(&t)
	if err != nil {
		return err
	}
	if found {
		s.end(i, t, nil)
		return nil
	}
	r, err := f.Run(ctx, s.data, o)
	switch {
	case err == nil:
		t.Loss, t.Epoch, t.Epochs, t.Steps, t.Seconds = r.BestLoss, r.BestEpoch, len(r.History), r.Steps, r.Elapsed.Seconds()
	case errors.Is(err, errs.Engine) && r != nil:
		t.Loss, t.Failure = math.NaN(), err.Error()
		t.Epochs, t.Steps, t.Seconds = len(r.History), r.Steps, r.Elapsed.Seconds()
	default:
		return fmt.Errorf("run %d, %s: %w", t.Run, t.Point, err)
	}
	if s.Folder != "" {
		err := sky.WriteFile(filepath.Join(s.folder(i), resultName), func(w io.Writer) error { return json.NewEncoder(w).Encode(t) })
		if err != nil {
			return err
		}
	}
	s.end(i, t, f)
	return nil
}

// prepare builds the training of point i.
func (s *search) prepare(i int) (*Fit, Options, error) {
	f, o, err := s.build(maps.Clone(s.points[i]))
	if err != nil {
		return nil, o, fmt.Errorf("run %d, %s: %w", i+1, s.points[i], err)
	}
	o.Engine = o.Engine.WithThreads(max(s.Threads/s.Parallel, 1))
	o.Checkpoint = s.folder(i)
	return f, o, nil
}

// restore reads the result of a run of as many epochs, if there is one.
func (s *search) restore(t *Trial) (bool, error) {
	if s.Folder == "" {
		return false, nil
	}
	path := filepath.Join(s.folder(t.Run-1), resultName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, errs.New(errs.Input, "%w", err)
	}
	var old Trial
	if err := json.Unmarshal(text, &old); err != nil {
		return false, errs.New(errs.Invalid, "%s: %w", path, err)
	}
	if !maps.Equal(old.Point, t.Point) {
		return false, errs.New(errs.Input, "%s is of another search: %s, this run is of %s", path, old.Point, t.Point).
			WithHint("search the same ranges with the same seed, or into another folder than %s", s.Folder)
	}
	if old.Of != t.Of {
		return false, nil
	}
	*t = old
	t.Restored = true
	return true, nil
}

// end takes what came of point i.
func (s *search) end(i int, t Trial, f *Fit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trials[i] = t
	if t.Failure == "" && (s.trials[s.of].Failure != "" || s.trials[s.of].Run == 0 || s.of == i || compare(t, s.trials[s.of]) < 0) {
		s.best, s.of = f, i
	}
	if s.Done != nil {
		s.Done(t)
	}
}

// compare orders trials by loss, failed ones last, and then by number.
func compare(a, b Trial) int {
	key := func(t Trial) float64 {
		if math.IsNaN(t.Loss) {
			return math.Inf(1)
		}
		return t.Loss
	}
	return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(len(a.Failure), len(b.Failure)), cmp.Compare(a.Run, b.Run))
}

func (s *search) report(ctx context.Context, ranges []Range) (*SearchReport, error) {
	if t := s.trials[s.of]; t.Failure != "" {
		return nil, errs.New(errs.Engine, "all %d runs failed; the first: %s", len(s.trials), s.trials[0].Failure)
	}
	if s.best == nil { // it was read back: a run that has ended gives its weights at once
		f, o, err := s.prepare(s.of)
		if err != nil {
			return nil, err
		}
		if _, err := f.Run(ctx, s.data, o); err != nil {
			return nil, err
		}
		s.best = f
	}
	r := &SearchReport{Trials: slices.Clone(s.trials), Best: s.best}
	for _, x := range ranges {
		r.names = append(r.names, x.Name)
	}
	slices.SortFunc(r.Trials, compare)
	if s.Folder == "" {
		return r, nil
	}
	return r, sky.WriteFile(filepath.Join(s.Folder, "search.csv"), r.WriteCSV)
}

// String lists the values by name.
func (p Point) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, fmt.Sprintf("%s %.4g", name, p[name]))
	}
	return strings.Join(list, ", ")
}
