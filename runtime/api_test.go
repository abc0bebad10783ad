package runtime_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// The public surface changes on purpose or not at all: "make api" writes it down.
func TestPublicSurface(t *testing.T) {
	want, err := os.ReadFile("testdata/api.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command("go", "doc", "-all", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the public API of package runtime is not that of testdata/api.txt: run 'make api' and read the diff")
	}
}
