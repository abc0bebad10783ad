//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
)

// TestMain lets a test run a search in a process of its own: this one keeps the first library that it uses.
func TestMain(m *testing.M) {
	if explicit, ok := os.LookupEnv("ASTRONNX_TEST_FIND"); ok {
		s, err := Find(explicit, os.Getenv("ASTRONNX_TEST_PYTHON") != "")
		fmt.Println(s)
		if s.Library != nil {
			fmt.Println("found", s.Library.Version, s.Library.Warning)
		}
		if err != nil {
			fmt.Println("error", err)
			fmt.Println("unavailable", errors.Is(err, errs.Unavailable), "no library", errors.Is(err, engine.ErrNoLibrary))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// findIn searches in a fresh process with nothing set but env.
func findIn(t *testing.T, explicit string, env ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return findAs(t, exe, explicit, env...)
}

func findAs(t *testing.T, exe, explicit string, env ...string) string {
	t.Helper()
	c := exec.Command(exe)
	c.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "ASTRONNX_TEST_FIND=" + explicit}, env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func wantText(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s: got\n%s\nwant it to say %q", what, got, w)
		}
	}
}

// fakeLibrary compiles a shared library from C.
func fakeLibrary(t *testing.T, text string) string {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		testkit.Missing(t, "no C compiler: "+err.Error())
	}
	dir := t.TempDir()
	src, lib := filepath.Join(dir, "fake.c"), filepath.Join(dir, "libfake.so")
	if err := os.WriteFile(src, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", lib, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return lib
}

const fakeORT = `
#include <stddef.h>
#include <stdint.h>
static const void *api(uint32_t v) { return NULL; }
static const char *version(void) { return "%s"; }
struct base { const void *(*get)(uint32_t); const char *(*version)(void); };
static struct base b = {api, version};
struct base *OrtGetApiBase(void) { return &b; }
`

func TestUnusableLibraries(t *testing.T) {
	text := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(text, []byte("not a library\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want []string
	}{
		"no file":          {filepath.Join(t.TempDir(), "libonnxruntime.so.1"), []string{"no such file"}},
		"a text":           {text, []string{"cannot be loaded"}},
		"a folder":         {t.TempDir(), []string{"cannot be loaded"}},
		"another library":  {fakeLibrary(t, "int f(void) { return 0; }"), []string{"is not ONNX Runtime", "OrtGetApiBase"}},
		"no base":          {fakeLibrary(t, "void *OrtGetApiBase(void) { return 0; }"), []string{"is not ONNX Runtime"}},
		"an old one":       {fakeLibrary(t, fmt.Sprintf(fakeORT, "1.10.0")), []string{"ONNX Runtime 1.10.0", "too old", "1.24 or newer"}},
		"one without API":  {fakeLibrary(t, fmt.Sprintf(fakeORT, "1.30.0")), []string{"interface 24"}},
		"a nameless one":   {fakeLibrary(t, fmt.Sprintf(fakeORT, "")), []string{"too old"}},
		"the C library":    {"libm.so.6", []string{"is not ONNX Runtime"}},
		"a name not known": {"libnosuchthing.so.9", []string{"cannot be loaded"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := findIn(t, c.path)
			wantText(t, name, out, append(c.want, c.path, "explicit path", "unavailable true no library false", "1.30.0 recommended")...)
			if env := findIn(t, "", "ASTRONNX_ORT_LIB="+c.path); !strings.Contains(env, "ASTRONNX_ORT_LIB: "+c.path) ||
				!strings.Contains(env, "unavailable true no library false") {
				t.Errorf("by the environment: got\n%s", env)
			}
		})
	}
}

func TestSearchOrder(t *testing.T) {
	lib := testkit.ORT(t)
	foreign := fakeLibrary(t, "int f(void) { return 0; }")
	out := findIn(t, "", "ONNXRUNTIME_SHARED_LIBRARY_PATH="+foreign, "ORT_DYLIB_PATH="+lib)
	wantText(t, "two suggestions", out, "ONNXRUNTIME_SHARED_LIBRARY_PATH: "+foreign+": is not ONNX Runtime", "ORT_DYLIB_PATH: "+lib, "found 1.")

	out = findIn(t, lib, "ASTRONNX_ORT_LIB="+foreign)
	wantText(t, "an explicit path", out, "explicit path: "+lib, "found 1.")

	out = findIn(t, "")
	wantText(t, "nothing set", out, "beside the executable", "the system's loader")
	if strings.Contains(out, "error") {
		wantText(t, "nothing found", out, "no library of ONNX Runtime 1.24 or newer; tried", "unavailable true no library true", "ASTRONNX_ORT_LIB")
	}

	// Beside the executable and in its lib folder.
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "program")
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(lib, filepath.Join(dir, "lib", filepath.Base(lib))); err != nil {
		t.Fatal(err)
	}
	wantText(t, "lib folder", findAs(t, copied, ""), "beside the executable: "+filepath.Join(dir, "lib"), "found 1.")

	// Python's wheel, only where it is asked for.
	capi := filepath.Join(dir, "lib", "python3.11", "site-packages", "onnxruntime", "capi")
	if err := os.MkdirAll(capi, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(lib, filepath.Join(capi, "libonnxruntime.so.1.30.0")); err != nil {
		t.Fatal(err)
	}
	wantText(t, "Python", findIn(t, "", "VIRTUAL_ENV="+dir, "ASTRONNX_TEST_PYTHON=1"), "Python's onnxruntime: "+capi, "found 1.")
	if out := findIn(t, "", "VIRTUAL_ENV="+dir); strings.Contains(out, "Python") {
		t.Errorf("Python's library was looked at unasked:\n%s", out)
	}
}

func TestSecondLibraryIsRefused(t *testing.T) {
	tiny(t)
	other := fakeLibrary(t, fmt.Sprintf(fakeORT, "1.30.0"))
	_, err := Engine.Compile(oneNode("Abs", nil, nil), engine.Options{Library: other})
	if !errors.Is(err, errs.Unavailable) {
		t.Fatalf("got %v want %v", err, errs.Unavailable)
	}
	wantText(t, "second library", err.Error(), other, "one ONNX Runtime", "start a new process")
	s, err := Find("", false)
	if err != nil || s.Library == nil || len(s.Tried) != 1 {
		t.Errorf("got %v, %v: want the library in use", s, err)
	}
	if !slices.Contains(Providers(), "CPUExecutionProvider") {
		t.Errorf("providers are %v", Providers())
	}
}

func TestMinorVersion(t *testing.T) {
	for version, want := range map[string]int{"1.30.0": 30, "1.9": 9, "2.1.0": 1001, "1.24.3-dev": 24} {
		if got, ok := minorVersion(version); !ok || got != want {
			t.Errorf("%s: got %d %v want %d", version, got, ok, want)
		}
	}
	for _, version := range []string{"", "new", "1", "x.y.z"} {
		if got, ok := minorVersion(version); ok {
			t.Errorf("%q: got %d", version, got)
		}
	}
}
