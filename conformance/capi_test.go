//go:build cgo && !purego && linux

package conformance_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/internal/testkit"
	_ "github.com/astronnx/astronnx/runtime" // and of what the library is made from
)

// built is a folder with the C library.
func built(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"../capi/*", "../capi/pipe/*", "testdata/*"} { // so that go test knows of it when it looks for a result of before
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			_, _ = os.Stat(name)
		}
	}
	folder := t.TempDir()
	if out, err := exec.Command("../capi/build.sh", folder).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	return folder
}

func suite(t *testing.T, folder, engine string, o conformance.SuiteOptions) []conformance.Result {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := conformance.NewCLibrary(ctx, folder, engine)
	if err != nil {
		t.Fatal(err)
	}
	results, err := conformance.RunSuite(ctx, testkit.OfficialCases(t), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestCLibrary(t *testing.T) {
	folder := built(t)
	t.Run("reference", func(t *testing.T) { officialCLibrary(t, folder, "reference", "") })
	t.Run("onnxruntime", func(t *testing.T) { officialCLibrary(t, folder, "onnxruntime", library(t)) })
	t.Run("faults", func(t *testing.T) { faultsOfCLibrary(t, folder) })
}

// officialCLibrary runs the official suite through the C library: what its engine passes in Go it passes there, no more and no less.
func officialCLibrary(t *testing.T, folder, engine, library string) {
	list := engine + "-" + filepath.Base(testkit.OfficialCases(t)) + ".txt"
	lists, err := conformance.ParseLists(read(t, filepath.Join("official", list)), read(t, filepath.Join("skip", list)))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lists.Disagreements(suite(t, folder, engine, conformance.SuiteOptions{Library: library})) {
		t.Error(line)
	}
}

// faultsOfCLibrary spoils a sound library in several ways: each is seen.
func faultsOfCLibrary(t *testing.T, folder string) {
	fault := filepath.Join(t.TempDir(), "fault.so")
	cmd := exec.Command("gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I../capi", "-o", fault, "testdata/fault.c", "-ldl")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("LD_PRELOAD", fault)
	t.Setenv("ASAN_OPTIONS", "verify_asan_link_order=0") // of "make sanitize", which wants to be loaded first
	for name, want := range map[string]struct {
		outcome conformance.Outcome
		reason  string
	}{
		"none":      {conformance.Pass, ""},
		"both":      {conformance.Mismatch, "elements differ"},
		"allocated": {conformance.Failed, "in memory of the caller's"},
		"written":   {conformance.Failed, "in memory of the caller's"},
		"crash":     {conformance.Panicked, "signal: aborted"},
	} {
		t.Setenv("FAULT", name)
		for _, r := range suite(t, folder, "reference", conformance.SuiteOptions{Match: regexp.MustCompile("^test_relu$")}) {
			if r.Outcome != want.outcome || !strings.Contains(r.Reason, want.reason) {
				t.Errorf("%s: got %s, %q want %s, %q", name, r.Outcome, r.Reason, want.outcome, want.reason)
			}
		}
	}
}
