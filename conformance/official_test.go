package conformance_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite the lists of passing and skipped official cases")

// TestOfficialReference runs the official suite on the reference engine. ASTRONNX_CASE=regexp runs only those cases and prints why
// each fails.
func TestOfficialReference(t *testing.T) { official(t, reference.Engine{}, "") }

// TestOfficialORT runs it on ONNX Runtime.
func TestOfficialORT(t *testing.T) { official(t, ort.Engine, testkit.ORT(t)) }

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
