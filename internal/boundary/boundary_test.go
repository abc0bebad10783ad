package boundary

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestImportsPointDown(t *testing.T) {
	root := os.DirFS("../..")
	if _, err := fs.Stat(root, "go.mod"); err != nil {
		t.Fatal(err)
	}
	found, err := crossings(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range found {
		t.Error(line)
	}
}

func TestPlantedCrossings(t *testing.T) {
	const ours = module + "/"
	for name, c := range map[string]struct {
		file, imports string
		want          string // empty: allowed
	}{
		"down":              {"ops/add.go", ours + "graph", ""},
		"up":                {"graph/graph.go", ours + "ops", "its rank is 2 against 1"},
		"sideways":          {"sims/sky.go", ours + "stats", "its rank is 4 against 4"},
		"up, behind a tag":  {"graph/graph_plan9.go", ours + "runtime", "its rank is 5 against 1"},
		"test file":         {"graph/graph_test.go", ours + "ops", ""},
		"testdata":          {"graph/testdata/x.go", ours + "ops", ""},
		"no rank":           {"magic/magic.go", "fmt", "package magic has no rank"},
		"no rank below one": {"ops/extra/extra.go", "fmt", "package ops/extra has no rank"},
		"import of no rank": {"capi/exports.go", ours + "magic", "no rank"},
		"root":              {"capi/exports.go", module, "holds no code"},
		"C in its door":     {"internal/kernel/c/kernel.go", "C", ""},
		"C elsewhere":       {"healpix/fast.go", "C", "behind internal/kernel/c"},
		"C next door":       {"internal/kernel/conv_c.go", "C", "behind internal/kernel/c"},
		"protobuf":          {"internal/onnxio/read.go", ours + "internal/onnxpb", ""},
		"protobuf from cmd": {"cmd/astronnx/main.go", ours + "internal/onnxpb", "use internal/onnxio"},
		"yalue":             {"runtime/load.go", "github.com/yalue/onnxruntime_go", "use internal/engine/ort"},
		"onnx-go":           {"conformance/suite.go", "github.com/owulveryck/onnx-go", ""},
		"onnx-go below":     {"internal/onnxio/x.go", "github.com/owulveryck/onnx-go/backend", "peer"},
		"like a door":       {"ops/x.go", "github.com/owulveryck/onnx-gold", ""},
		"testkit":           {"runtime/load.go", ours + "internal/testkit", "its rank is 5 against 5"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte("//go:build plan9 && arm\n\npackage p\n\nimport \"" + c.imports + "\"\n")}}
			found, err := crossings(tree)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(found, "\n")
			switch {
			case c.want == "" && got != "":
				t.Errorf("got %q want nothing", got)
			case c.want != "" && (!strings.Contains(got, c.want) || !strings.HasPrefix(got, c.file)):
				t.Errorf("got %q want the file and %q", got, c.want)
			}
		})
	}
}

func TestBrokenFileIsAnError(t *testing.T) {
	if _, err := crossings(fstest.MapFS{"ops/x.go": {Data: []byte("pack")}}); err == nil {
		t.Error("got no error for a file that does not parse")
	}
}

// Doors and ranks must speak of the same packages, or a renamed package leaves its door open.
func TestDoorsLeadToRankedPackages(t *testing.T) {
	for _, d := range doors {
		for _, by := range d.by {
			if _, ok := ranks[by]; !ok {
				t.Errorf("%s may be imported by %s, which has no rank", d.imported, by)
			}
		}
	}
}
