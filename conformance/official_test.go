package conformance_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/ops"
)

var update = flag.Bool("update", false, "rewrite the lists of passing and skipped official cases")

// TestOfficialReference runs the official suite on the reference engine. ASTRONNX_CASE=regexp runs only those cases and prints why
// each fails.
func TestOfficialReference(t *testing.T) { official(t, reference.Engine{}, "") }

// TestOfficialORT runs it on ONNX Runtime.
func TestOfficialORT(t *testing.T) { official(t, ort.Engine, library(t)) }

// library returns the path of libonnxruntime. A build that can load none skips the test and says so.
func library(t *testing.T) string {
	t.Helper()
	path := testkit.ORT(t)
	if _, err := ort.Find(path, false); errors.Is(err, engine.ErrNoLibrary) {
		t.Skip(err)
	}
	return path
}

func official(t *testing.T, e engine.Engine, library string) {
	dir := testkit.OfficialCases(t)
	o := conformance.SuiteOptions{Library: library}
	if s := os.Getenv("ASTRONNX_CASE"); s != "" {
		o.Match = regexp.MustCompile(s)
	}
	results, err := conformance.RunSuite(context.Background(), dir, e, o)
	if err != nil {
		t.Fatal(err)
	}
	count := map[conformance.Outcome]int{}
	for _, r := range results {
		count[r.Outcome]++
		if o.Match != nil {
			t.Logf("%-11s %s (opset %d, %v) %s", r.Outcome, r.Case, r.Opset, r.Time.Round(1e6), r.Reason)
		}
		if o.Match != nil && r.Outcome != conformance.Pass {
			t.Fail()
		}
	}
	summary := fmt.Sprintf("%s, ONNX %s: %d of %d pass", e.Name(), filepath.Base(dir), count[conformance.Pass], len(results))
	for o := conformance.Unsupported; o <= conformance.TimedOut; o++ {
		summary += fmt.Sprintf(", %d %s", count[o], o)
	}
	t.Log(summary)
	if o.Match != nil {
		return
	}
	judgeLists(t, e.Name()+"-"+filepath.Base(dir)+".txt", results)
}

// judgeLists compares results with the lists of that name, or rewrites these.
func judgeLists(t *testing.T, name string, results []conformance.Result) {
	passFile, skipFile := filepath.Join("official", name), filepath.Join("skip", name)
	lists, err := conformance.ParseLists(read(t, passFile), read(t, skipFile))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		pass, skip := conformance.Texts(results, lists)
		write(t, passFile, pass)
		write(t, skipFile, skip)
		return
	}
	for _, line := range lists.Disagreements(results) {
		t.Error(line)
	}
}

func read(t *testing.T, name string) string {
	b, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inferring infers the types of a model before it runs it and checks them against the result.
type inferring struct{ engine.Engine }

func (e inferring) Compile(m *graph.Model, o engine.Options) (engine.Plan, error) {
	if err := ops.Infer(m, ops.Standard()); err != nil {
		return nil, err
	}
	p, err := e.Engine.Compile(m, o)
	return checkedPlan{p, m}, err
}

type checkedPlan struct {
	engine.Plan
	m *graph.Model
}

func (p checkedPlan) Run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error {
	if err := p.Plan.Run(ctx, in, want, out); err != nil {
		return err
	}
	for i, v := range p.m.Graph.Outputs {
		if err := conformance.Holds(v.Type, out[i]); err != nil {
			return fmt.Errorf("output %q is inferred as %s: %w", v.Name, v.Type, err)
		}
	}
	return nil
}

// TestOfficialInference checks what is inferred for the official models: it contradicts neither what they declare nor the results.
func TestOfficialInference(t *testing.T) {
	dir := testkit.OfficialCases(t)
	lists, err := conformance.ParseLists(read(t, filepath.Join("official", "reference-"+filepath.Base(dir)+".txt")), "")
	if err != nil {
		t.Fatal(err)
	}
	results, err := conformance.RunSuite(context.Background(), dir, inferring{reference.Engine{}}, conformance.SuiteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Case == "test_loop16_seq_none" {
			continue // declares a sequence of scalars and computes vectors
		}
		if slices.Contains(lists.Pass, r.Case) && r.Outcome != conformance.Pass {
			t.Errorf("%s: %s: %s", r.Case, r.Outcome, r.Reason)
		}
	}
}
