// Package testkit finds what tests need and the module does not carry: libonnxruntime, official cases, real sky maps and a
// Python with the reference packages. All of it is put into the cache folder by tools/obtain ("make deps"). It also reads the
// process's memory.
//
// What is missing skips the test with a named reason, or fails it where ASTRONNX_REQUIRE=1 is set, as "make test" does.
package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Missing skips t with the reason, or fails it where everything is required.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("ASTRONNX_REQUIRE") == "1" {
		t.Fatalf("%s; ASTRONNX_REQUIRE=1 forbids the skip", reason)
	}
	t.Skip(reason)
}

// Root returns the module's root folder.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if ok {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root
		}
	}
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("testkit: no go.mod above the test's folder")
	return ""
}

// Cache returns the cache folder: ASTRONNX_CACHE, or .cache in the module's root.
func Cache(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("ASTRONNX_CACHE"); dir != "" {
		return dir
	}
	return filepath.Join(Root(t), ".cache")
}

func cached(t testing.TB, what string, elem ...string) string {
	t.Helper()
	p := filepath.Join(append([]string{Cache(t)}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		Missing(t, what+" is not in the cache: run 'make deps'")
	}
	return p
}

// ORT returns the path of the pinned libonnxruntime.
func ORT(t testing.TB) string {
	t.Helper()
	return cached(t, "libonnxruntime", "onnxruntime", "lib", "libonnxruntime.so.1")
}

// Sky returns the path of a file of Debian's healpy-data, named by its base name.
func Sky(t testing.TB, name string) string {
	t.Helper()
	return cached(t, "healpy-data", "healpy-data", name)
}

// OfficialCases returns the folder of the official ONNX node cases: one folder a case. It holds the 1,765 of ONNX 1.22 where
// they could be had, else Debian's 932 of ONNX 1.12.
func OfficialCases(t testing.TB) string {
	t.Helper()
	full := filepath.Join(Cache(t), "onnx-node-tests", "1.22.0")
	if _, err := os.Stat(full); err == nil {
		return full
	}
	return cached(t, "the official ONNX suite", "onnx-node-tests", "1.12.0")
}

// Python returns an interpreter that can import the named packages: the one in the cache, or python3 from the path.
func Python(t testing.TB, packages ...string) string {
	t.Helper()
	check := "import importlib.util as u, sys; sys.exit(any(u.find_spec(p) is None for p in sys.argv[1:]))"
	for _, py := range []string{filepath.Join(Cache(t), "python", "bin", "python"), "python3"} {
		if exec.Command(py, append([]string{"-c", check}, packages...)...).Run() == nil {
			return py
		}
	}
	Missing(t, "no Python with "+strings.Join(packages, ", ")+": run 'make deps'")
	return ""
}

// ResidentBytes returns the memory that the process holds now. Only Linux tells it in a file.
func ResidentBytes(t testing.TB) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("no /proc/self/statm on " + runtime.GOOS + " to read the memory from")
	}
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64 // pages
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		t.Fatalf("/proc/self/statm is %q: %v", data, err)
	}
	return resident * int64(os.Getpagesize())
}
