package main

import (
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/testkit"
)

// find returns the finding of a name.
func (d diagnosis) find(t testing.TB, name string) finding {
	t.Helper()
	for _, f := range d.Findings {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no finding %q in %+v", name, d.Findings)
	return finding{}
}

func TestDoctorOnAWorkingMachine(t *testing.T) {
	native(t)
	lib := testkit.ORT(t)
	d := decode[diagnosis](t, ok(t, "doctor", "--library", lib, "--json").out)
	if !d.Ready {
		t.Errorf("not ready: %+v", d)
	}
	if f := d.find(t, "onnxruntime"); f.Status != good || !strings.Contains(f.Found, lib) {
		t.Errorf("onnxruntime: %+v", f)
	}
	if f := d.find(t, "network"); f.Status != good || !strings.Contains(f.Found, "onnxruntime") {
		t.Errorf("network: %+v", f)
	}
	if f := d.find(t, "providers"); !strings.Contains(f.Found, "CPU") {
		t.Errorf("providers: %+v", f)
	}
	text := ok(t, "doctor", "--library", lib).out
	for _, want := range []string{"✓ onnxruntime", "kernels use their", "Networks run through onnxruntime here."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestDoctorSaysWhatIsMissing(t *testing.T) {
	native(t)
	d := spawn(t, nil, "doctor", "--library", "/nowhere/libonnxruntime.so")
	if d.code != exitFailure {
		t.Errorf("exit code %d, want %d", d.code, exitFailure)
	}
	for _, want := range []string{
		"✗ onnxruntime", "/nowhere/libonnxruntime.so: no such file", "make deps", "do not run through onnxruntime",
	} {
		if !strings.Contains(d.out, want) {
			t.Errorf("no %q in\n%s", want, d.out)
		}
	}
	old := oldLibrary(t, t.TempDir())
	d = spawn(t, []string{"ASTRONNX_ORT_LIB=" + old}, "doctor", "--json")
	r := decode[diagnosis](t, d.out)
	f := r.find(t, "onnxruntime")
	if d.code != exitFailure || r.Ready || f.Status != missing || !strings.Contains(strings.Join(f.More, "\n"), "1.20.1, too old") {
		t.Errorf("an old library: exit code %d, %+v", d.code, f)
	}
}

func TestDoctorWithoutCgo(t *testing.T) {
	if canLoad() {
		t.Skip("this build can load onnxruntime")
	}
	r := call(t, "doctor")
	if r.code != exitFailure || !strings.Contains(r.out, "✗ onnxruntime") || !strings.Contains(r.out, "CGO_ENABLED=1") {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
}
