package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
)

// Outcome is what became of a case.
type Outcome uint8

// The outcomes.
const (
	Pass        Outcome = iota
	Unsupported         // the engine refused the model when it was compiled
	Failed              // it could not be read, or running it failed
	Mismatch            // it ran to another result
	Panicked
	TimedOut
)

var outcomes = [...]string{"pass", "unsupported", "failed", "mismatch", "panic", "timeout"}

func (o Outcome) String() string { return outcomes[o] }

// Result is one case on one engine.
type Result struct {
	Case    string        `json:"case"`
	Opset   int64         `json:"opset"` // of the standard domain
	Outcome Outcome       `json:"outcome"`
	Reason  string        `json:"reason,omitempty"` // why it did not pass
	Time    time.Duration `json:"ns"`
}

// SuiteOptions says how to run a suite. The zero value runs everything with a minute for each case.
type SuiteOptions struct {
	Match   *regexp.Regexp // names of the cases to run, nil: all
	Timeout time.Duration  // for one case
	Workers int            // cases at a time, 0: one a processor
	Library string         // path of the engine's library, empty: search
}

// RunSuite runs the cases in dir, one folder each (model.onnx and test_data_set_*/{input,output}_*.pb), and returns their results
// by name. The error says that dir could not be read; faults of cases are results.
func RunSuite(ctx context.Context, dir string, e engine.Engine, o SuiteOptions) ([]Result, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errs.New(errs.Input, "official cases: %w", err)
	}
	var names []string
	for _, f := range entries {
		if f.IsDir() && (o.Match == nil || o.Match.MatchString(f.Name())) {
			names = append(names, f.Name())
		}
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	results := make([]Result, len(names))
	var wg sync.WaitGroup
	next := make(chan int)
	for range o.Workers {
		wg.Go(func() {
			for i := range next {
				results[i] = runCase(ctx, filepath.Join(dir, names[i]), e, o)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	return results, ctx.Err()
}

// runCase gives a case its time; a kernel that does not heed its context is left behind.
func runCase(ctx context.Context, dir string, e engine.Engine, o SuiteOptions) Result {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	start := time.Now()
	done := make(chan Result, 1)
	go func() {
		r := Result{Case: filepath.Base(dir)}
		defer func() {
			if p := recover(); p != nil {
				buf := make([]byte, 4096)
				r.Outcome, r.Reason = Panicked, fmt.Sprintf("panic: %v\n%s", p, buf[:runtime.Stack(buf, false)])
			}
			done <- r
		}()
		r.Opset, r.Outcome, r.Reason = judge(ctx, dir, e, engine.Options{Threads: 1, Library: o.Library})
	}()
	var r Result
	select {
	case r = <-done:
	case <-ctx.Done():
		select {
		case r = <-done:
		case <-time.After(2 * time.Second):
			r = Result{Case: filepath.Base(dir), Outcome: TimedOut, Reason: "the kernel did not stop"}
		}
	}
	if ctx.Err() != nil && r.Outcome == Failed {
		r.Outcome = TimedOut
	}
	r.Time = time.Since(start)
	return r
}

func judge(ctx context.Context, dir string, e engine.Engine, options engine.Options) (opset int64, o Outcome, reason string) {
	m, err := onnxio.LoadFile(filepath.Join(dir, "model.onnx"), onnxio.Options{})
	if err != nil {
		return 0, Failed, "load: " + err.Error()
	}
	opset = m.Opsets[""]
	plan, err := e.Compile(m, options)
	if err != nil {
		return opset, outcomeOf(err, Unsupported), err.Error()
	}
	defer plan.Close()
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return opset, Failed, "no test_data_set_*"
	}
	for _, set := range sets {
		in, err := readValues(set, "input", plan.Inputs(), true)
		if err != nil {
			return opset, Failed, err.Error()
		}
		want, err := readValues(set, "output", plan.Outputs(), false)
		if err != nil {
			return opset, Failed, err.Error()
		}
		got := make([]*graph.Tensor, len(plan.Outputs()))
		if err := plan.Run(ctx, in, nil, got); err != nil {
			return opset, outcomeOf(err, Failed), err.Error()
		}
		for i, w := range want {
			if err := Compare(got[i], w, Official); err != nil {
				return opset, Mismatch, fmt.Sprintf("output %q: %v", plan.Outputs()[i].Name, err)
			}
		}
	}
	return opset, Pass, ""
}

func outcomeOf(err error, o Outcome) Outcome {
	if errors.Is(err, reference.ErrPanic) {
		return Panicked
	}
	return o
}

// readValues reads prefix_0.pb, prefix_1.pb, ... for the ports. Missing files are absent inputs; an output must be there.
func readValues(dir, prefix string, ports []engine.Port, absent bool) ([]*graph.Tensor, error) {
	values := make([]*graph.Tensor, len(ports))
	for i, p := range ports {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s_%d.pb", prefix, i)))
		if absent && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if values[i], err = onnxio.ReadTensor(b, p.Type, onnxio.Options{}); err != nil {
			return nil, fmt.Errorf("%s_%d.pb: %w", prefix, i, err)
		}
	}
	return values, nil
}

// Lists are what is expected of an engine: the names of the cases that pass, and of those that do not with the reason.
type Lists struct {
	Pass []string
	Skip map[string]string
}

// ParseLists reads a list of names and one of "name  # reason", as Texts writes them. A reason that begins with "random:" is of a
// case that may also pass, by chance.
func ParseLists(pass, skip string) (Lists, error) {
	l := Lists{Pass: strings.Fields(pass), Skip: map[string]string{}}
	for i, line := range strings.Split(skip, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, reason, ok := strings.Cut(line, "#")
		name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
		if !ok || name == "" || reason == "" {
			return l, fmt.Errorf("line %d of the skip list: %q has no name or no reason", i+1, line)
		}
		l.Skip[name] = reason
	}
	return l, nil
}

// Texts returns the two lists as files. A skipped case keeps the reason it had in old if a person wrote it: one that does not begin
// with an outcome.
func Texts(results []Result, old Lists) (pass, skip string) {
	var p, s strings.Builder
	for _, r := range results {
		if r.Outcome == Pass {
			fmt.Fprintln(&p, r.Case)
			continue
		}
		reason := old.Skip[r.Case]
		word, _, _ := strings.Cut(reason, ":")
		if reason == "" || slices.Contains(outcomes[:], word) {
			reason = r.Outcome.String() + ": " + firstLine(r.Reason)
		}
		fmt.Fprintf(&s, "%s  # %s\n", r.Case, reason)
	}
	return p.String(), s.String()
}

// cppSignature is the C++ function that an engine's message begins with.
var cppSignature = regexp.MustCompile(`(virtual |void )?onnxruntime::.*?\)( const)? `)

// firstLine shortens a reason for a list: what an engine says, without the places in its sources.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if _, message, ok := strings.Cut(s, "Status Message: "); ok {
		s = message
	}
	words := slices.DeleteFunc(strings.Fields(s), func(w string) bool { return strings.HasPrefix(w, "/") })
	s = cppSignature.ReplaceAllString(strings.Join(words, " "), "")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return strings.ReplaceAll(s, "#", "")
}

// Disagreements compares results with what the lists expect: a line for each listed case that does not do what its list says, and
// for each case and entry that has no counterpart.
func (l Lists) Disagreements(results []Result) []string {
	var lines []string
	seen := map[string]bool{}
	for _, r := range results {
		seen[r.Case] = true
		_, skipped := l.Skip[r.Case]
		listed := slices.Contains(l.Pass, r.Case)
		switch {
		case listed && skipped:
			lines = append(lines, r.Case+": in both lists")
		case listed && r.Outcome != Pass:
			lines = append(lines, fmt.Sprintf("%s: %s, expected to pass: %s", r.Case, r.Outcome, r.Reason))
		case skipped && r.Outcome == Pass && !strings.HasPrefix(l.Skip[r.Case], "random:"):
			lines = append(lines, r.Case+": passes, but is in the skip list")
		case !listed && !skipped:
			lines = append(lines, fmt.Sprintf("%s: %s, in no list: %s", r.Case, r.Outcome, r.Reason))
		}
		if r.Outcome == Panicked && !listed {
			lines = append(lines, fmt.Sprintf("%s: %s", r.Case, r.Reason))
		}
	}
	for _, name := range l.Pass {
		if !seen[name] {
			lines = append(lines, name+": listed, but there is no such case")
		}
	}
	for name := range l.Skip {
		if !seen[name] {
			lines = append(lines, name+": skipped, but there is no such case")
		}
	}
	slices.Sort(lines)
	return lines
}
