package onnxio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// weighty is a model with a large, a small and a string constant, the large one also as an attribute.
func weighty() *graph.Model {
	g := &graph.Graph{Name: "g"}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N")))
	large := graph.NewTensor(graph.Float32, 3000)
	for i, data := 0, graph.Data[float32](large); i < len(data); i++ {
		data[i] = float32(i)
	}
	w := g.NewConst("w", large)
	s := g.NewConst("s", graph.Scalar(float32(2)))
	g.NewConst("names", graph.FromStrings([]string{strings.Repeat("n", 20_000)}, 1))
	y := &graph.Value{Name: "y"}
	g.Append(graph.NewNode("", "Sum", graph.Attrs{"same": large, "other": graph.NewTensor(graph.Int64, 1000)},
		[]*graph.Value{x, w, s}, []*graph.Value{y}))
	g.Outputs = append(g.Outputs, y)
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// withoutPlaces returns a copy of m as if nothing had been external.
func withoutPlaces(t *testing.T, m *graph.Model) *graph.Model {
	t.Helper()
	n, err := Load(mustMarshal(t, m), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWriteFileSpillsAboveThreshold(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "m.onnx")
	m := weighty()
	for range 2 { // the second save replaces both files
		if err := WriteFile(name, m, SaveOptions{Threshold: 8000}); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); len(got) != 2 || got[0] != "m.onnx" || !strings.HasPrefix(got[1], "m.onnx.") {
			t.Fatalf("files %v, want the model and its data", got)
		}
	}
	back, err := LoadFile(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := back.Graph
	if x := g.Initializers[0].Const.External; x == nil || x.Offset%page != 0 || x.Length != 12_000 {
		t.Errorf("large constant at %+v", x)
	}
	if x := g.Nodes[0].Attrs.Tensor("other").External; x == nil || x.Offset%page != 0 || x.Offset == 0 {
		t.Errorf("second large constant at %+v", x)
	}
	if g.Initializers[1].Const.External != nil {
		t.Error("the threshold is not what decides")
	}
	if same := g.Nodes[0].Attrs.Tensor("same").External; same == nil || same.Offset != g.Initializers[0].Const.External.Offset {
		t.Error("a tensor used twice is stored twice")
	}
	if diff := graph.Diff(withoutPlaces(t, m), withoutPlaces(t, back)); diff != nil {
		t.Error(diff)
	}
}

// TestKeepExternalIsLossless loads a model with external data and saves it in place, elsewhere, and unread.
func TestKeepExternalIsLossless(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	name := filepath.Join(from, "m.onnx")
	if err := WriteFile(name, weighty(), SaveOptions{Threshold: 8000}); err != nil {
		t.Fatal(err)
	}
	first, err := LoadFile(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first.Graph.Initializers[0].Const.External.Location = "weights/w.bin" // another file, in a folder
	for _, target := range []string{filepath.Join(to, "m.onnx"), filepath.Join(to, "m.onnx"), name} {
		if err := WriteFile(target, first, SaveOptions{KeepExternal: true}); err != nil {
			t.Fatal(err)
		}
		second, err := LoadFile(target, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := graph.Diff(first, second); diff != nil {
			t.Error(diff)
		}
	}
	unread, err := LoadFile(name, Options{SkipExternal: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, unread, SaveOptions{KeepExternal: true}); err != nil {
		t.Errorf("unread, in place: %v", err)
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "m.onnx"), unread, SaveOptions{KeepExternal: true}); !errors.Is(err, errs.Output) {
		t.Errorf("unread, elsewhere: got %v, want an output error", err)
	}

	w := first.Graph.Initializers[0].Const
	graph.Data[float32](w)[0]++
	if err := WriteFile(name, first, SaveOptions{KeepExternal: true}); !errors.Is(err, errs.Output) {
		t.Errorf("over other bytes: got %v, want an output error", err)
	}
	w.Shape, w.Raw = []int64{2}, w.Raw[:8]
	if err := WriteFile(name, first, SaveOptions{KeepExternal: true}); !errors.Is(err, errs.Input) {
		t.Errorf("with another size: got %v, want an input error", err)
	}
	w.Shape, w.Raw, w.External.Location = []int64{3000}, graph.AlignedBytes(12_000), "../w.bin"
	if err := WriteFile(name, first, SaveOptions{KeepExternal: true}); !errors.Is(err, errs.Unsafe) {
		t.Errorf("out of the folder: got %v, want an unsafe error", err)
	}
}

// TestKeptRangesMustAgree has two tensors claim the same bytes with different contents.
func TestKeptRangesMustAgree(t *testing.T) {
	m := weighty()
	place := func(c *graph.Tensor, offset int64) {
		c.External = &graph.External{Location: "w.bin", Offset: offset, Length: int64(len(c.Raw))}
	}
	place(m.Graph.Initializers[0].Const, 0)
	place(m.Graph.Initializers[1].Const, 12) // holds 3, not 2
	dir := t.TempDir()
	err := WriteFile(filepath.Join(dir, "m.onnx"), m, SaveOptions{KeepExternal: true})
	if !errors.Is(err, errs.Output) {
		t.Errorf("got %v, want an output error", err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	m := weighty()
	if err := os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"taken", "ghost/m.onnx"} {
		if err := WriteFile(filepath.Join(dir, name), m, SaveOptions{}); !errors.Is(err, errs.Output) {
			t.Errorf("%s: got %v, want an output error", name, err)
		}
	}
	old := filepath.Join(dir, "old.onnx")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializers[0].Const.Raw = nil // no longer what its shape says
	if err := WriteFile(old, m, SaveOptions{Threshold: 1}); err == nil {
		t.Error("a broken model was written")
	}
	if b, _ := os.ReadFile(old); string(b) != "old" {
		t.Errorf("the old file became %q", b)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("left behind: %v", got)
	}
}

func TestWriteAndReadStreams(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, weighty()); err != nil {
		t.Fatal(err)
	}
	m, err := Read(&b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := graph.Diff(withoutPlaces(t, weighty()), m); diff != nil {
		t.Error(diff)
	}
}

// TestLoadDoesNotCopyTwice wants the peak of loading to be the file and its tensors, no more.
func TestLoadDoesNotCopyTwice(t *testing.T) {
	g := &graph.Graph{}
	w := g.NewConst("w", graph.NewTensor(graph.Float32, 4<<20))
	g.Outputs = append(g.Outputs, w)
	b := mustMarshal(t, &graph.Model{IRVersion: 8, Graph: g})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Load(b, Options{})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after.TotalAlloc-before.TotalAlloc, uint64(len(b)+baseCost); got > want {
		t.Errorf("%d bytes allocated for a tensor of %d", got, len(b))
	}
	runtime.KeepAlive(m)
}
