package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/spf13/cobra"
)

// result is what an invocation left behind.
type result struct {
	code     int
	out, err string
}

// call runs the program in this process.
func call(t testing.TB, args ...string) result {
	t.Helper()
	var out, errw bytes.Buffer
	code := execute(t.Context(), args, &out, &errw)
	return result{code, out.String(), errw.String()}
}

// ok is call for what must succeed.
func ok(t testing.TB, args ...string) result {
	t.Helper()
	r := call(t, args...)
	if r.code != exitOK {
		t.Fatalf("astronnx %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.err, r.out)
	}
	return r
}

// fails checks an exit code and that the one line on standard error holds each of the texts.
func fails(t testing.TB, r result, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s", r.code, code, r.err)
	}
	if n := strings.Count(r.err, "\n"); n != 1 || !strings.HasPrefix(r.err, "astronnx: ") {
		t.Errorf("want one line on standard error, got %d: %q", n, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			t.Errorf("message %q does not say %q", r.err, text)
		}
	}
}

// entries lists a folder, hidden files included.
func entries(t testing.TB, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	return v
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"runn", []string{`unknown command "runn"`}},
		{"inspcet", []string{`unknown command "inspcet"`}},
		{"version more", []string{"expected no argument, got more"}},
		{"version --nope", []string{"unknown flag: --nope", `see "astronnx version --help"`}},
	} {
		t.Run(c.args, func(t *testing.T) {
			fails(t, call(t, strings.Fields(c.args)...), exitUsage, c.want...)
		})
	}
}

func TestEveryCommandHasExamples(t *testing.T) {
	root := (&tool{}).root()
	var all []*cobra.Command
	for list := root.Commands(); len(list) > 0; list = list[1:] {
		all = append(all, list[0])
		list = append(list, list[0].Commands()...)
	}
	for _, c := range all {
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s: want a summary and an example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			args := strings.Fields(line)
			if got, _, err := root.Find(args[1:]); err != nil || args[0] != "astronnx" || got == root {
				t.Errorf("%s: example is no command of ours: %s", c.CommandPath(), line)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if r := ok(t, "version"); !strings.HasPrefix(r.out, "astronnx ") {
		t.Errorf("got %q", r.out)
	}
	if b := decode[build](t, ok(t, "version", "--json").out); b.Go == "" || b.Platform == "" {
		t.Errorf("got %+v", b)
	}
}

func TestErrorsAsJSON(t *testing.T) {
	type message struct {
		Error, Code, Hint string
		Exit              int
	}
	r := call(t, "version", "--json", "more")
	m := decode[message](t, r.err)
	if m.Exit != exitUsage || m.Code != "usage" || !strings.Contains(m.Error, "expected no argument") {
		t.Errorf("got %+v", m)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("x"), exitFailure},
		{errs.New(errs.Engine, "x"), exitFailure},
		{usagef("x"), exitUsage},
		{errs.New(errs.Unavailable, "x"), exitMissing},
		{errs.New(errs.Input, "x"), exitInput},
		{errs.New(errs.Invalid, "x"), exitInput},
		{errs.New(errs.UnsupportedOp, "x"), exitInput},
		{errs.New(errs.Output, "x"), exitOutput},
		{fmt.Errorf("map: %w", errs.New(errs.Output, "x")), exitOutput},
		{context.Canceled, exitInterrupted},
		{errs.New(errs.Canceled, "x"), exitInterrupted},
		{silent(exitFailure), exitFailure},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestInterruptedIsReportedAsSuch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errw bytes.Buffer
	tl := &tool{err: &errw}
	if got := tl.report(ctx, nil, errs.New(errs.Engine, "terminated")); got != exitInterrupted {
		t.Errorf("got exit code %d, want %d", got, exitInterrupted)
	}
	if !strings.Contains(errw.String(), "interrupted") {
		t.Errorf("got %q", errw.String())
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("unsupported:\n  A\n  B\n"); got != "unsupported: A; B" {
		t.Errorf("got %q", got)
	}
}

func TestTable(t *testing.T) {
	tab := table{head: []string{"band", ">rms µK"}}
	tab.add("λ", "1.5")
	tab.add("smooth", "10.25")
	var b bytes.Buffer
	if err := tab.write(&b); err != nil {
		t.Fatal(err)
	}
	want := "  band    rms µK\n  ──────────────\n  λ          1.5\n  smooth   10.25\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestStage(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.fits")
	if err := os.WriteFile(old, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}

	var s stage
	if _, err := s.add(old); exitCode(err) != exitOutput || !strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("existing file: got %v", err)
	}
	if _, err := s.add(dir); exitCode(err) != exitOutput || !strings.Contains(err.Error(), "folder") {
		t.Errorf("folder: got %v", err)
	}
	if _, err := s.add(filepath.Join(dir, "none", "x.fits")); exitCode(err) != exitOutput {
		t.Errorf("missing folder: got %v", err)
	}
	if _, err := s.add(os.DevNull); exitCode(err) != exitOutput {
		t.Errorf("device: got %v", err)
	}

	s = stage{overwrite: true}
	for _, name := range []string{"old.fits", "new.fits"} {
		tmp, err := s.add(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(tmp) != ".fits" || filepath.Dir(tmp) != dir {
			t.Errorf("temporary name %s", tmp)
		}
		if err := os.WriteFile(tmp, []byte("new"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(old); string(b) != "old" {
		t.Errorf("before commit the old file holds %q", b)
	}
	if err := s.commit(); err != nil {
		t.Fatal(err)
	}
	s.discard()
	if got := entries(t, dir); len(got) != 2 {
		t.Errorf("after commit: %v", got)
	}
	if b, _ := os.ReadFile(old); string(b) != "new" {
		t.Errorf("after commit the old file holds %q", b)
	}
	if info, _ := os.Stat(old); info.Mode() != fs.FileMode(0o640) {
		t.Errorf("mode %v, want that of the file replaced", info.Mode())
	}

	if _, err := s.add(filepath.Join(dir, "third.fits")); err != nil {
		t.Fatal(err)
	}
	s.discard()
	if got := entries(t, dir); len(got) != 2 {
		t.Errorf("after discard: %v", got)
	}
}
