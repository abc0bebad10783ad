package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A shop is a fake npm on the path: call n of it makes the n-th delivery, the last one for ever after. A nil delivery is a failure.
type shop struct {
	log  string
	item item
	good []byte
}

// sell puts a shop in place whose item pins the archive good and holds the one file lib/a with the text "whole".
func sell(t *testing.T, deliveries ...func(good []byte) []byte) *shop {
	t.Helper()
	good := tgz(t, tar.Header{Name: "package/a", Size: 5, Mode: 0o644}, "whole")
	dir := t.TempDir()
	s := &shop{log: filepath.Join(dir, "log"), good: good}
	for i, change := range deliveries {
		if change != nil {
			write(t, filepath.Join(dir, fmt.Sprintf("%d.tgz", i+1)), change(good))
		}
	}
	bin := filepath.Join(dir, "bin")
	script := fmt.Sprintf("#!/bin/sh\ncd '%s' && echo call >>log && n=$(wc -l <log)\n[ $n -le %d ] || n=%d\ncp $n.tgz \"$OLDPWD/p.tgz\"\n",
		dir, len(deliveries), len(deliveries))
	write(t, filepath.Join(bin, "npm"), []byte(script))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	sum := filepath.Join(dir, "good")
	write(t, sum, good)
	pin, err := fileSum(sum)
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(dir, "whole")
	write(t, whole, []byte("whole"))
	one, err := fileSum(whole)
	if err != nil {
		t.Fatal(err)
	}
	s.item = item{name: "goods", dir: "deep/lib", trees: []string{soleFile("a", one)}, sources: []source{{
		from: npm{"goods", "1.0.0"}, sha256: pin, size: int64(len(good)), pick: below("package/"),
	}}}
	return s
}

func (s *shop) calls(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

func whole(good []byte) []byte   { return good }
func cut(good []byte) []byte     { return good[:len(good)/2] }
func foreign(good []byte) []byte { return append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1) }

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o755)); err != nil {
		t.Fatal(err)
	}
}

func tgz(t *testing.T, h tar.Header, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&h)
	if err == nil {
		_, err = io.WriteString(w, body)
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func obtainAll(t *testing.T, cache string, items ...item) []result {
	t.Helper()
	results, err := (&obtainer{cache: cache, log: io.Discard}).all(t.Context(), items)
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(cache, scratch+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	return results
}

func TestSecondRunFetchesNothing(t *testing.T) {
	s, cache := sell(t, whole), t.TempDir()
	for i, want := range []string{obtained, present, present} {
		if r := obtainAll(t, cache, s.item)[0]; r.State != want {
			t.Fatalf("run %d: got %q want %q: %s", i, r.State, want, r.Error)
		}
	}
	if got := s.calls(t); got != 1 {
		t.Errorf("got %d downloads want 1", got)
	}
	got, err := os.ReadFile(filepath.Join(cache, "deep", "lib", "a"))
	if err != nil || string(got) != "whole" {
		t.Errorf("got %q, %v want the packed file", got, err)
	}
}

func TestDamagedCacheIsMended(t *testing.T) {
	damage := map[string]func(t *testing.T, lib string){
		"changed":   func(t *testing.T, lib string) { write(t, filepath.Join(lib, "a"), []byte("wHole")) },
		"truncated": func(t *testing.T, lib string) { write(t, filepath.Join(lib, "a"), nil) },
		"extra":     func(t *testing.T, lib string) { write(t, filepath.Join(lib, "b"), []byte("whole")) },
		"removed": func(t *testing.T, lib string) {
			if err := os.Remove(filepath.Join(lib, "a")); err != nil {
				t.Fatal(err)
			}
		},
		"linked": func(t *testing.T, lib string) {
			a, away := filepath.Join(lib, "a"), filepath.Join(t.TempDir(), "a")
			if err := errors.Join(os.Rename(a, away), os.Symlink(away, a)); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			s, cache := sell(t, whole), t.TempDir()
			obtainAll(t, cache, s.item)
			lib := filepath.Join(cache, "deep", "lib")
			harm(t, lib)
			if r := obtainAll(t, cache, s.item)[0]; r.State != obtained {
				t.Errorf("got %q want %q: %s", r.State, obtained, r.Error)
			}
			if err := s.item.broken(lib); err != nil {
				t.Error(err)
			}
			if got := s.calls(t); got != 2 {
				t.Errorf("got %d downloads want 2", got)
			}
		})
	}
}

func TestBrokenDownloadIsFetchedAgain(t *testing.T) {
	for name, first := range map[string]func([]byte) []byte{"truncated": cut, "foreign": foreign, "refused": nil} {
		t.Run(name, func(t *testing.T) {
			s := sell(t, first, whole)
			if r := obtainAll(t, t.TempDir(), s.item)[0]; r.State != obtained {
				t.Errorf("got %q want %q: %s", r.State, obtained, r.Error)
			}
			if got := s.calls(t); got != 2 {
				t.Errorf("got %d downloads want 2", got)
			}
		})
	}
}

func TestForeignArchiveIsRefused(t *testing.T) {
	s, cache := sell(t, foreign), t.TempDir()
	r := obtainAll(t, cache, s.item)[0]
	if want := "expected " + s.item.sources[0].sha256; r.State != missing || !strings.Contains(r.Error, want) {
		t.Errorf("got %q, %q want missing with %q", r.State, r.Error, want)
	}
	if got := s.calls(t); got != 2 {
		t.Errorf("got %d downloads want 2", got)
	}
	if _, err := os.Stat(r.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the refused archive left %s: %v", r.Path, err)
	}
}

func TestForeignContentsAreRefused(t *testing.T) {
	s := sell(t, whole)
	s.item.trees = []string{soleFile("a", strings.Repeat("0", 64))}
	r := obtainAll(t, t.TempDir(), s.item)[0]
	if r.State != missing || !strings.Contains(r.Error, "digest") {
		t.Errorf("got %q, %q want missing for its digest", r.State, r.Error)
	}
}

// A failed download must not take away what is there, broken or not: a user may still want to look at it.
func TestFailureLeavesTheOldFolder(t *testing.T) {
	s, cache := sell(t, foreign), t.TempDir()
	old := filepath.Join(cache, "deep", "lib", "a")
	write(t, old, []byte("old"))
	obtainAll(t, cache, s.item)
	if got, err := os.ReadFile(old); err != nil || string(got) != "old" {
		t.Errorf("got %q, %v want the old file", got, err)
	}
}

func TestMissingPrerequisiteIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for want, f := range map[string]fetcher{
		"npm is not installed; install it with: sudo apt-get install npm":         npm{"a", "1"},
		"python3 is not installed; install it with: sudo apt-get install python3": wheel{"a", "1", "3.12", "any"},
		"apt-get is not installed":     deb{"a", "1"},
		"-onnx-tests or ASTRONNX_ONNX": local{"none"},
	} {
		it := item{name: "x", dir: "x", trees: []string{""}, sources: []source{{from: f}}}
		if r := obtainAll(t, t.TempDir(), it)[0]; r.State != missing || !strings.Contains(r.Error, want) {
			t.Errorf("%s: got %q, %q want missing with %q", f, r.State, r.Error, want)
		}
	}
}

func TestNextSourceServes(t *testing.T) {
	s := sell(t, whole)
	s.item.sources = append([]source{{from: local{"none"}}}, s.item.sources...)
	if r := obtainAll(t, t.TempDir(), s.item)[0]; r.State != obtained || r.Source != "npm goods 1.0.0" {
		t.Errorf("got %q from %q want it from npm: %s", r.State, r.Source, r.Error)
	}
}

func TestRunsDoNotCollide(t *testing.T) {
	s, cache := sell(t, whole), t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			results, err := (&obtainer{cache: cache, log: io.Discard}).all(context.Background(), []item{s.item})
			if err != nil || results[0].State == missing {
				t.Errorf("got %v, %v want the item", results, err)
			}
		})
	}
	wg.Wait()
	if got := s.calls(t); got != 1 {
		t.Errorf("got %d downloads want 1", got)
	}
}

func TestKilledRunIsSweptUp(t *testing.T) {
	s, cache := sell(t, whole), t.TempDir()
	write(t, filepath.Join(cache, scratch+"123", "half"), []byte("half"))
	obtainAll(t, cache, s.item) // obtainAll fails where scratch is left
}

func TestInterruptStops(t *testing.T) {
	s := sell(t, whole)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&obtainer{cache: t.TempDir(), log: io.Discard}).all(ctx, []item{s.item})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v want %v", err, context.Canceled)
	}
}

func TestStandInComesWhereItIsNeeded(t *testing.T) {
	gone := []source{{from: local{"none"}}}
	for name, c := range map[string]struct {
		there, named bool
		want         string
	}{
		"needed":     {false, false, obtained},
		"not needed": {true, false, spared},
		"named":      {true, true, obtained},
	} {
		t.Run(name, func(t *testing.T) {
			s := sell(t, whole)
			full, spare := s.item, s.item
			full.name, full.dir, full.standIn = "full", "full", spare.name
			if !c.there {
				full.sources = gone
			}
			o := &obtainer{cache: t.TempDir(), log: io.Discard, named: c.named}
			results, err := o.all(t.Context(), []item{full, spare})
			if err != nil || results[1].State != c.want {
				t.Errorf("got %+v, %v want the stand-in %s", results, err, c.want)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	full, spare, extra := item{name: "full", standIn: "spare"}, item{name: "spare", optional: true}, item{name: "extra", optional: true}
	for name, c := range map[string]struct {
		full, spare string
		ok          bool
	}{
		"all there":      {present, present, true},
		"stand-in":       {missing, obtained, true},
		"neither":        {missing, missing, false},
		"without spares": {obtained, missing, true},
	} {
		err := verdict([]item{full, spare, extra}, []result{
			{Item: "full", State: c.full}, {Item: "spare", State: c.spare}, {Item: "extra", State: missing},
		})
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v want success = %v", name, err, c.ok)
		}
	}
}

func TestCheckListsAndFetchesNothing(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "none")
	t.Setenv("ASTRONNX_CACHE", cache)
	t.Setenv("PATH", "")
	var out bytes.Buffer
	err := run(t.Context(), t.TempDir(), []string{"-check", "-json", "healpy-data", "onnx-1.12"}, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "missing: healpy-data") || strings.Contains(err.Error(), "1.12") {
		t.Errorf("got %v want healpy-data missing, and onnx-1.12 optional", err)
	}
	var results []result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(cache, "healpy-data")
	if len(results) != 2 || results[0].Path != want || results[0].State != missing {
		t.Errorf("got %+v want healpy-data missing from %s", results, want)
	}
	if _, err := os.Stat(cache); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check made %s", cache)
	}
}

func TestUnknownItemIsNamed(t *testing.T) {
	err := run(t.Context(), t.TempDir(), []string{"hepy"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `"hepy"`) || !strings.Contains(err.Error(), "healpy-data") {
		t.Errorf("got %v want the wrong name and the right ones", err)
	}
}

func TestReportIsOneLineWhereNothingWasDone(t *testing.T) {
	var out bytes.Buffer
	report(&out, "cache", []result{{Item: "a", State: present}, {Item: "b", State: present}})
	if got, want := out.String(), "obtain: up to date in cache\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}
