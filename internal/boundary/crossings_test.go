package boundary

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/astronnx/astronnx"

// ranks orders the packages: a package imports only packages of a lower rank. Test files are free.
var ranks = map[string]int{
	"internal/errs":     0,
	"internal/onnxpb":   0,
	"internal/kernel/c": 0,
	"healpix":           0,

	"graph":            1,
	"internal/history": 1,
	"internal/kernel":  1,

	"ops":             2,
	"internal/onnxio": 2,
	"sky":             2,
	"healpix/sht":     2,

	"healpixop":           3,
	"internal/pass":       3,
	"internal/engine":     3,
	"plot":                3,
	"dataset":             3,
	"internal/checkpoint": 3,

	"internal/engine/reference": 4,
	"internal/engine/ort":       4,
	"models":                    4,
	"sims":                      4,
	"stats":                     4,

	"runtime":          5,
	"internal/testkit": 5, // knows nothing of the module; high, so that only tests and conformance can import it

	"train":  6,
	"export": 6,

	"conformance":      7,
	"recipes":          7,
	"healpixop/optest": 7, // what tests of the operators share

	"capi":              8,
	"cmd/astronnx":      8,
	"bench":             8,
	"tools/obtain":      8,
	"internal/boundary": 8,
}

// A door names the only packages, with what lies below them, that may import a path or what lies below it.
type door struct {
	imported string
	by       []string
	instead  string
}

var doors = []door{
	{"C", []string{"internal/kernel/c", "internal/engine/ort", "capi"}, "put the C code behind internal/kernel/c"},
	{module + "/internal/onnxpb", []string{"internal/onnxio"}, "use internal/onnxio, which owns protobuf"},
	{"github.com/yalue/onnxruntime_go", []string{"internal/engine/ort", "bench"}, "use internal/engine/ort"},
	{"github.com/owulveryck/onnx-go", []string{"conformance", "bench"}, "it is a peer to compare with, no part of the product"},
}

// crossings reads every Go file of the module at root but tests, whatever its build constraints, and returns a line for each import
// that crosses a boundary and for each package without a rank.
func crossings(root fs.FS) ([]string, error) {
	var found []string
	unranked := map[string]bool{}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(file):
			return fs.SkipDir
		case d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(file)
		if _, ok := ranks[pkg]; !ok && pkg != "." && !unranked[pkg] {
			unranked[pkg] = true
			found = append(found, fmt.Sprintf("%s: package %s has no rank: give it one in internal/boundary", file, pkg))
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := crosses(pkg, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", file, imported, why))
			}
		}
		return nil
	})
	return found, err
}

// crosses says why pkg may not import the path, or nothing.
func crosses(pkg, imported string) string {
	for _, d := range doors {
		if within(imported, d.imported) && !slices.ContainsFunc(d.by, func(by string) bool { return within(pkg, by) }) {
			return d.instead
		}
	}
	if imported == module {
		return "the module's root holds no code"
	}
	low, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return ""
	}
	lower, ok := ranks[low]
	rank, ranked := ranks[pkg]
	switch {
	case !ok:
		return "it has no rank in internal/boundary"
	case lower >= rank && (ranked || pkg == "."):
		return fmt.Sprintf("imports point down, and its rank is %d against %d", lower, rank)
	}
	return ""
}

func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

// skipped folders hold no Go code of the module: those the go command leaves out, and what "make" fills.
func skipped(dir string) bool {
	name := path.Base(dir)
	return dir != "." && strings.ContainsAny(name[:1], "._") || name == "testdata" || dir == "bin" || dir == "demo"
}
