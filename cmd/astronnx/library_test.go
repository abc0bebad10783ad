package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/testkit"
)

// asProgram makes the test binary behave as astronnx: a process uses one libonnxruntime, so that tests of others need their own.
const asProgram = "ASTRONNX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// spawn runs the program in a process of its own, with nothing in the environment that names a library.
func spawn(t testing.TB, env []string, args ...string) result {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append([]string{asProgram + "=1", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, env...)
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	code := 0
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return result{code, out.String(), errw.String()}
}

// canLoad reports whether the build can load libraries.
func canLoad() bool {
	s, _ := ort.Find("", false)
	return len(s.Tried) == 0 || s.Tried[0].Where != "this build"
}

// native skips where the build cannot load libraries.
func native(t testing.TB) {
	t.Helper()
	if !canLoad() {
		t.Skip("this build cannot load onnxruntime: it is without cgo, or has the tag purego")
	}
}

// oldLibrary builds a libonnxruntime that says it is an old one.
func oldLibrary(t testing.TB, dir string) string {
	t.Helper()
	const source = `
typedef struct { const void *(*get)(unsigned); const char *(*version)(void); } base;
static const void *get(unsigned v) { return v <= 20 ? (void *)get : 0; }
static const char *version(void) { return "1.20.1"; }
static const base b = {get, version};
const base *OrtGetApiBase(void) { return &b; }`
	path := filepath.Join(dir, "libold.so")
	cmd := exec.Command("cc", "-shared", "-fPIC", "-o", path, "-x", "c", "-")
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		testkit.Missing(t, "no C compiler: "+err.Error()+" "+string(out))
	}
	return path
}

func TestLibraryRefused(t *testing.T) {
	native(t)
	dir := t.TempDir()
	net := toy{order: "RING"}.write(t, dir)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 1, healpix.Ring, "T"))
	text := filepath.Join(dir, "libtext.so")
	if err := os.WriteFile(text, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	old := oldLibrary(t, dir)
	foreign := filepath.Join(dir, "libforeign.so")
	cmd := exec.Command("cc", "-shared", "-fPIC", "-o", foreign, "-x", "c", "-")
	cmd.Stdin = strings.NewReader("int answer(void) { return 42; }")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := entries(t, dir)
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"old", old, []string{"is ONNX Runtime 1.20.1, too old", "version 1.24 or newer", "1.30.0 recommended"}},
		{"foreign", foreign, []string{"is not ONNX Runtime"}},
		{"no library", text, []string{"cannot be loaded"}},
		{"no file", filepath.Join(dir, "none.so"), []string{"no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"run", net, in, "-o", filepath.Join(dir, "out.fits")}
			want := append([]string{c.path}, c.want...)
			fails(t, spawn(t, nil, append(args, "--library", c.path)...), exitMissing, want...)
			fails(t, spawn(t, []string{"ASTRONNX_ORT_LIB=" + c.path}, args...), exitMissing, append(want, "ASTRONNX_ORT_LIB")...)
		})
	}
	if after := entries(t, dir); len(after) != len(before) {
		t.Errorf("the failed runs left %v", after)
	}
}

func TestProviderRefused(t *testing.T) {
	lib := testkit.ORT(t)
	native(t)
	dir := t.TempDir()
	net := toy{order: "RING"}.write(t, dir)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 1, healpix.Ring, "T"))
	out := filepath.Join(dir, "out.fits")
	args := []string{"run", net, in, "-o", out, "--library", lib, "--provider", "cuda"}
	r := spawn(t, nil, args...)
	fails(t, r, exitMissing, "CUDA")
	if _, err := os.Stat(out); err == nil {
		t.Error("the failed run left its output")
	}
	if r := spawn(t, nil, append(args, "--allow-fallback")...); r.code != exitOK || !strings.Contains(r.out, "on CPU") ||
		!strings.Contains(r.out, "note: CUDA cannot serve") {
		t.Errorf("--allow-fallback: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}

func TestRunWithoutALibrary(t *testing.T) {
	native(t)
	dir := t.TempDir()
	net := toy{order: "RING"}.write(t, dir)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 1, healpix.Ring, "T"))
	r := spawn(t, nil, "run", net, in, "-o", filepath.Join(dir, "out.fits"))
	if strings.Contains(r.out, "by onnxruntime") {
		t.Skip("the system's loader finds an onnxruntime")
	}
	if r.code != exitOK || !strings.Contains(r.out, "by reference") || !strings.Contains(r.out, "astronnx doctor") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	fails(t, spawn(t, nil, "run", net, in, "-o", filepath.Join(dir, "b.fits"), "--engine", "onnxruntime"), exitMissing, "tried")
}
