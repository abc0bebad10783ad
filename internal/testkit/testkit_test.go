package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A verdict is a testing.TB that tells how a helper ended the test instead of ending it.
type verdict struct{ testing.TB }

func (verdict) Helper()                      {}
func (verdict) Skip(args ...any)             { panic("skip: " + fmt.Sprint(args...)) }
func (verdict) Fatal(args ...any)            { panic("fail: " + fmt.Sprint(args...)) }
func (verdict) Fatalf(f string, args ...any) { panic("fail: " + fmt.Sprintf(f, args...)) }

// end runs f and returns how it ended: what it returned, or "skip: …" or "fail: …".
func end(t *testing.T, f func(testing.TB) string) (how string) {
	defer func() {
		if said := recover(); said != nil {
			how = said.(string)
		}
	}()
	return f(verdict{t})
}

func TestWhatIsMissingSkipsOrFails(t *testing.T) {
	t.Setenv("ASTRONNX_CACHE", t.TempDir())
	bin := t.TempDir() // with a python3 that has no package
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	python := func(tb testing.TB) string { return Python(tb, "healpy") }
	sky := func(tb testing.TB) string { return Sky(tb, "map.fits") }
	for name, c := range map[string]struct {
		find func(testing.TB) string
		want string
	}{
		"ort": {ORT, "libonnxruntime"}, "sky": {sky, "healpy-data"}, "cases": {OfficialCases, "suite"}, "python": {python, "with healpy"},
	} {
		for require, prefix := range map[string]string{"": "skip: ", "1": "fail: "} {
			t.Setenv("ASTRONNX_REQUIRE", require)
			got := end(t, c.find)
			if !strings.HasPrefix(got, prefix) || !strings.Contains(got, c.want) || !strings.Contains(got, "make deps") {
				t.Errorf("%s, ASTRONNX_REQUIRE=%q: got %q want %q naming %q and make deps", name, require, got, prefix, c.want)
			}
		}
	}
}

func TestNoPythonAtAllIsMissingToo(t *testing.T) {
	t.Setenv("ASTRONNX_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for require, prefix := range map[string]string{"": "skip: ", "1": "fail: "} {
		t.Setenv("ASTRONNX_REQUIRE", require)
		if got := end(t, func(tb testing.TB) string { return Python(tb, "numpy") }); !strings.HasPrefix(got, prefix) {
			t.Errorf("ASTRONNX_REQUIRE=%q: got %q want %q", require, got, prefix)
		}
	}
}

func TestResidentBytesGrow(t *testing.T) {
	const size = 64 << 20
	before := ResidentBytes(t)
	held := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		held[i] = 1
	}
	if grown := ResidentBytes(t) - before; grown < size*3/4 || grown > 2*size {
		t.Errorf("%d MB touched: %d MB more are resident", size>>20, grown>>20)
	}
	runtime.KeepAlive(held)
}

func TestCacheIsSearched(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("ASTRONNX_CACHE", cache)
	old, full := filepath.Join(cache, "onnx-node-tests", "1.12.0"), filepath.Join(cache, "onnx-node-tests", "1.22.0")
	for _, folder := range []string{old, full} { // the larger suite is preferred as soon as it is there
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := OfficialCases(t); got != folder {
			t.Errorf("got %s want %s", got, folder)
		}
	}
}

func TestRootHoldsTheModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "go.mod")); err != nil {
		t.Error(err)
	}
}
