//go:build cgo && !purego && linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	ort "github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sky"
)

// prefix is where the library is built, once for all tests. The folder goes when TestMain ends.
var prefix string

func TestMain(m *testing.M) {
	var err error
	if prefix, err = os.MkdirTemp("", "astronnx-capi-*"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(prefix)
	os.Exit(code)
}

var build = sync.OnceValue(func() error {
	out, err := exec.Command("./build.sh", prefix).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build.sh: %w\n%s", err, out)
	}
	return nil
})

func library(t *testing.T) string {
	t.Helper()
	_, _ = os.Stat("build.sh")
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(prefix, "lib", "libastronnx.so")
}

// compile builds a C or C++ program with the flags that pkg-config gives.
func compile(t *testing.T, compiler string, arguments ...string) string {
	t.Helper()
	library(t)
	for _, tool := range []string{compiler, "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.Missing(t, "no "+tool+" in the path")
		}
	}
	cmd := exec.Command("pkg-config", "--cflags", "--libs", "astronnx")
	cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(prefix, "lib", "pkgconfig"))
	flags, err := cmd.Output()
	if err != nil {
		t.Fatalf("pkg-config: %v", err)
	}
	for _, source := range arguments { // so that go test knows of it when it looks for a result of before
		_, _ = os.Stat(source)
	}
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program}, arguments...)
	if sanitized {
		args = append(args, "-g", "-fsanitize=address", "-Wl,--no-as-needed,-lstdc++") // build.sh says why
	}
	run(t, compiler, append(args, strings.Fields(string(flags))...)...)
	return program
}

// sanitized is whether build.sh builds the library with AddressSanitizer, which ends a program that uses memory of others or leaves
// some behind.
var sanitized = os.Getenv("ASTRONNX_SANITIZE") == "1"

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LSAN_OPTIONS=suppressions="+filepath.Join(testkit.Root(t), "capi", "testdata", "lsan.supp"))
	raw, err := cmd.CombinedOutput()
	out, suppressed, _ := strings.Cut(string(raw), strings.Repeat("-", 53)+"\nSuppressions used:\n")
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
	// count bytes template, of a few objects for the whole process: what is left at each call comes to more.
	if lines := strings.Split(suppressed, "\n"); len(lines) > 1 {
		if n, err := strconv.Atoi(strings.Fields(lines[1])[0]); err != nil || n > 16 {
			t.Errorf("%s: onnxruntime leaves %d objects behind, at most 16 were expected\n%s", filepath.Base(name), n, suppressed)
		}
	}
	return out
}

func write(t *testing.T, m *graph.Model) string {
	t.Helper()
	b, err := onnxio.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// scaled is y = 2x + 1 over maps of nside 2.
func scaled() *graph.Model {
	g := &graph.Graph{Name: "scaled"}
	ty := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(1), graph.D(48))
	x := g.NewInput("x", ty)
	w, b := g.NewConst("w", graph.Vector[float32](2)), g.NewConst("b", graph.Vector[float32](1))
	t, y := &graph.Value{Name: "wx"}, &graph.Value{Name: "y", Type: ty}
	g.Append(graph.NewNode("", "Mul", nil, []*graph.Value{x, w}, []*graph.Value{t}),
		graph.NewNode("", "Add", nil, []*graph.Value{t, b}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g, Metadata: map[string]string{"author": "the test"}}
}

// counting is a model that counts to its input.
func counting() *graph.Model {
	number, truth := graph.TensorType(graph.Int64), graph.TensorType(graph.Bool)
	body := &graph.Graph{Name: "body"}
	i, c, a := body.NewInput("i", number), body.NewInput("c", truth), body.NewInput("a", number)
	again, sum := &graph.Value{Name: "again", Type: truth}, &graph.Value{Name: "sum", Type: number}
	body.Append(graph.NewNode("", "Identity", nil, []*graph.Value{c}, []*graph.Value{again}),
		graph.NewNode("", "Max", nil, []*graph.Value{a, i}, []*graph.Value{sum}))
	body.Outputs = []*graph.Value{again, sum}

	g := &graph.Graph{Name: "counting"}
	n, zero := g.NewInput("n", number), g.NewConst("zero", graph.Scalar[int64](0))
	y := &graph.Value{Name: "y", Type: number}
	g.Append(graph.NewNode("", "Loop", graph.Attrs{"body": body}, []*graph.Value{n, nil, zero}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// network is one of package models, with function bodies.
func network(t *testing.T, m *graph.Model, err error) string {
	t.Helper()
	if err == nil {
		err = ops.AttachBodies(m, healpixop.Set())
	}
	if err != nil {
		t.Fatal(err)
	}
	return write(t, m)
}

// The header, the linker's list and the library speak of the same functions.
func TestSymbols(t *testing.T) {
	read := func(name, pattern string) []string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(b, -1) {
			names = append(names, string(m[1]))
		}
		slices.Sort(names)
		return names
	}
	golden := read("astronnx.map", `(?m)^\t(\w+);`)
	if declared := read("astronnx.h", `(?m)^(?:astronnx_status |const char \*|struct OrtStatus \*)(\w+)\(`); !slices.Equal(declared, golden) {
		t.Errorf("astronnx.h declares\n%v\nastronnx.map lists\n%v", declared, golden)
	}
	var exported []string
	for line := range strings.Lines(run(t, "nm", "-D", "--defined-only", library(t))) {
		exported = append(exported, strings.Fields(line)[2])
	}
	slices.Sort(exported)
	if !slices.Equal(exported, golden) {
		t.Errorf("the library exports\n%v\nastronnx.map lists\n%v", exported, golden)
	}
	checked, err1 := os.ReadFile("astronnx.h")
	installed, err2 := os.ReadFile(filepath.Join(prefix, "include", "astronnx.h"))
	if err1 != nil || err2 != nil || !bytes.Equal(checked, installed) {
		t.Errorf("the installed header is another than the tree's: %v, %v", err1, err2)
	}
}

// The public structs are part of the interface: a size that changes breaks compiled programs.
func TestLayout(t *testing.T) {
	source := filepath.Join(t.TempDir(), "layout.c")
	program := "#include <astronnx.h>\n#include <stdio.h>\nint main(void) {\n"
	want := ""
	for name, size := range map[string]int{"error": 2948, "options": 48, "port": 40, "entry": 16, "model_info": 96, "tensor": 48, "string": 16,
		"column": 32, "map_info": 56, "fit_options": 48, "fit_info": 40, "data": 40, "epoch": 48, "progress": 80,
		"fit_run_options": 136, "report": 72} {
		program += fmt.Sprintf("\tif (sizeof(astronnx_%s) != %d) printf(\"%s: %%zu\\n\", sizeof(astronnx_%s));\n", name, size, name, name)
	}
	if err := os.WriteFile(source, []byte(program+"\treturn 0;\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(t, compile(t, "gcc", source)); got != want {
		t.Errorf("sizes have changed: got\n%s", got)
	}
}

func compilers(t *testing.T, f func(t *testing.T, c, cxx string)) {
	t.Run("gcc", func(t *testing.T) { f(t, "gcc", "g++") })
	t.Run("clang", func(t *testing.T) {
		if sanitized {
			t.Skip("the library is built with gcc's AddressSanitizer")
		}
		for _, dir := range []string{"", filepath.Join(testkit.Cache(t), "clang", "bin")} {
			if _, err := exec.LookPath(filepath.Join(dir, "clang++")); err == nil {
				f(t, filepath.Join(dir, "clang"), filepath.Join(dir, "clang++"))
				return
			}
		}
		t.Skip("no clang++ in the path, and none in the cache: 'make deps' gets it on Debian")
	})
}

func TestExampleC(t *testing.T) {
	path := testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 32, Levels: 2, Order: "RING"})
	model := network(t, m, err)

	loaded, err := ort.Load(model, ort.NewConfig().WithLibrary(testkit.ORT(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	wmap, err := sky.ReadMap(path, sky.ReadOptions{})
	if err == nil {
		wmap, err = wmap.Reorder(1)
	}
	if err != nil {
		t.Fatal(err)
	}
	x, err := wmap.Tensor(wmap.Columns[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := loaded.RunList(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s: nside 32, %s in %s\n", path, wmap.Columns[0].Name, wmap.Columns[0].Unit)
	for i, y := range out {
		sum := 0.0
		for _, v := range graph.Data[float32](y) {
			sum += float64(v)
		}
		want += fmt.Sprintf("%s: rank %d, %d bytes, mean %.6e\n", loaded.Outputs()[i].Name, len(y.Shape), len(y.Raw), sum/float64(y.Len()))
	}
	compilers(t, func(t *testing.T, c, _ string) {
		got := run(t, compile(t, c, "-std=c11", "-pedantic", "example/bands.c"), model, path, testkit.ORT(t))
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestExampleCXX(t *testing.T) {
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 1, Order: "RING", Filters: 8, Pool: "max", Hidden: 8, Outputs: 3, Seed: 1})
	model := network(t, m, err)
	loaded, err := ort.Load(model, ort.NewConfig().WithLibrary(testkit.ORT(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	x := graph.NewTensor(graph.Float32, 4, 1, 192)
	for i := range graph.Data[float32](x) {
		graph.Data[float32](x)[i] = 1
	}
	out, err := loaded.RunList(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i, v := range graph.Data[float32](out[0])[:3] {
		want += fmt.Sprintf("%s[%d] = %.6f\n", loaded.Outputs()[0].Name, i, v)
	}
	compilers(t, func(t *testing.T, _, cxx string) {
		if got := run(t, compile(t, cxx, "-std=c++14", "-pedantic", "example/classes.cc"), model, testkit.ORT(t)); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestMisuse(t *testing.T) {
	compilers(t, func(t *testing.T, c, _ string) {
		run(t, compile(t, c, "-std=gnu11", "testdata/misuse.c"), write(t, scaled()), testkit.ORT(t))
	})
}

// values gives back what it is given: strings, a sequence and two optional values.
func values() *graph.Model {
	g := &graph.Graph{Name: "values"}
	numbers := graph.TensorType(graph.Float32, graph.Sym("N"))
	list := &graph.Type{Kind: graph.SequenceKind, Of: numbers}
	for _, p := range []struct {
		name string
		ty   *graph.Type
	}{
		{"text", graph.TensorType(graph.String, graph.Sym("N"))}, {"list", list},
		{"maybe", &graph.Type{Kind: graph.OptionalKind, Of: numbers}}, {"lists", &graph.Type{Kind: graph.OptionalKind, Of: list}},
	} {
		x, y := g.NewInput(p.name, p.ty), &graph.Value{Name: p.name + " again", Type: p.ty}
		g.Append(graph.NewNode("", "Identity", nil, []*graph.Value{x}, []*graph.Value{y}))
		g.Outputs = append(g.Outputs, y)
	}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestValues(t *testing.T) {
	program := compile(t, "gcc", "-std=gnu11", "testdata/values.c")
	for _, engine := range []string{testkit.ORT(t), "reference"} {
		t.Run(filepath.Base(engine), func(t *testing.T) { run(t, program, write(t, values()), engine) })
	}
}

func TestStress(t *testing.T) {
	program := compile(t, "gcc", "-std=gnu11", "testdata/stress.c")
	// A leak of the library's own shows beside the Go engine, whose memory is steady, to the byte in C. ONNX Runtime's goes up and down
	// by 20 MB, of which it has 0.6 MB in use; a session that stays is over 100 kB, and there are 1,000.
	for engine, most := range map[string]struct{ resident, allocated int }{testkit.ORT(t): {48 << 10, 2 << 20}, "reference": {1 << 10, 256}} {
		t.Run(filepath.Base(engine), func(t *testing.T) {
			t.Run("cycles", func(t *testing.T) {
				var resident, allocated int
				text := run(t, program, "cycles", write(t, scaled()), engine)
				_, err := fmt.Sscan(text, &resident, &allocated)
				if err != nil || (resident > most.resident && !sanitized) || allocated > most.allocated {
					t.Errorf("cycles left %d kB resident and %d bytes allocated, at most %+v were expected (%v)", resident, allocated, most, err)
				}
			})
			t.Run("threads", func(t *testing.T) { run(t, program, "threads", write(t, scaled()), engine) })
			t.Run("cancel", func(t *testing.T) { run(t, program, "cancel", write(t, counting()), engine) })
		})
	}
}

// Python's onnxruntime is linked into its module: another copy, with another table, than the one that this library finds.
func TestRegisterCustomOps(t *testing.T) {
	library(t)
	python := testkit.Python(t, "numpy", "onnxruntime")
	_, _ = os.Stat("testdata/ops.py")
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 16, Maps: 1, Order: "RING", Filters: 32, Pool: "max", Hidden: 48, Outputs: 9, Seed: 1})
	run(t, python, "testdata/ops.py", filepath.Join(prefix, "lib", "libastronnx_ops.so"), network(t, m, err))
}
