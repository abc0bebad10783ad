//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/testkit"
)

// The header in yalue's module is ONNX Runtime's own. The C compiler tells where it has what ortapi.h declares.
func TestPositionsAreThoseOfTheHeader(t *testing.T) {
	own, err := os.ReadFile("ortapi.h")
	if err != nil {
		t.Fatal(err)
	}
	var checks strings.Builder
	entries := regexp.MustCompile(`ENTRY\((\d+), [^,]+, (\w+),`).FindAllSubmatch(own, -1)
	if len(entries) < 80 {
		t.Fatalf("found %d entries in ortapi.h", len(entries))
	}
	for _, e := range entries {
		fmt.Fprintf(&checks, "_Static_assert(offsetof(OrtApi, %[2]s) == %[1]s * sizeof(void *), \"%[2]s is not at %[1]s\");\n", e[1], e[2])
	}
	_, fields, _ := strings.Cut(string(own), "struct OrtCustomOp {")
	fields, _, _ = strings.Cut(fields, "\n};")
	names := regexp.MustCompile(`\(\*(\w+)\)\(`).FindAllStringSubmatch(fields, -1)
	if len(names) != 25 {
		t.Fatalf("found %d callbacks in OrtCustomOp", len(names))
	}
	for i, f := range names {
		// The version stands before the callbacks and takes the room of one.
		fmt.Fprintf(&checks, "_Static_assert(offsetof(OrtCustomOp, %s) == %d * sizeof(void *), \"OrtCustomOp.%[1]s\");\n", f[1], i+1)
	}
	if err := compileC(t, checks.String()); err != "" {
		t.Errorf("ortapi.h does not match:\n%s", err)
	}
	// The check itself must be able to fail.
	if compileC(t, `_Static_assert(offsetof(OrtApi, Run) == 8 * sizeof(void *), "Run");`) == "" {
		t.Error("a wrong position went unnoticed")
	}
}

func compileC(t *testing.T, text string) (errors string) {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "check.c")
	text = "#include <stddef.h>\n#include \"onnxruntime_c_api.h\"\n" + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(cc); err != nil {
		testkit.Missing(t, "no C compiler: "+err.Error())
	}
	out, err := exec.Command(cc, "-fsyntax-only", "-I", strings.TrimSpace(string(dir)), file).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

func TestLayoutOfYalue(t *testing.T) {
	if err := checkLayout(); err != nil {
		t.Fatal(err)
	}
}
