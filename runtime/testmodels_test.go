package runtime_test

import (
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/runtime"
)

// scaled is y = 2x + 1 over maps of Nside 2, with metadata.
func scaled() *graph.Model {
	g := &graph.Graph{Name: "scaled"}
	ty := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(1), graph.D(48))
	x := g.NewInput("x", ty)
	w, b := g.NewConst("w", graph.Vector[float32](2)), g.NewConst("b", graph.Vector[float32](1))
	t, y := &graph.Value{Name: "wx"}, &graph.Value{Name: "y", Type: ty}
	mul := graph.NewNode("", "Mul", nil, []*graph.Value{x, w}, []*graph.Value{t})
	add := graph.NewNode("", "Add", nil, []*graph.Value{t, b}, []*graph.Value{y})
	mul.Name, add.Name = "scale", "shift"
	g.Append(mul, add)
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g, Metadata: map[string]string{
		"author":                   "the test",
		"astronnx.x.nside":         "2",
		"astronnx.x.ordering":      "nested",
		"astronnx.x.unit":          "uK_CMB",
		"astronnx.x.columns":       "I",
		"astronnx.x.unseen":        "-1.6375e+30",
		"astronnx.y.normalisation": "2x+1",
	}}
}

func bytesOf(t testing.TB, m *graph.Model) []byte {
	t.Helper()
	b, err := onnxio.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sky(n int64, value float32) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, n, 1, 48)
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = value
	}
	return t
}

// engines calls f with a configuration for every engine that this build and machine have.
func engines(t *testing.T, f func(t *testing.T, c runtime.Config)) {
	t.Run("reference", func(t *testing.T) { f(t, runtime.NewConfig().WithEngine("reference")) })
	t.Run("onnxruntime", func(t *testing.T) { f(t, onnxruntime(t)) })
}

// onnxruntime is a configuration that needs the library. A build without cgo has none, and says so.
func onnxruntime(t testing.TB) runtime.Config {
	t.Helper()
	c := runtime.NewConfig().WithEngine("onnxruntime").WithThreads(1)
	if _, err := runtime.Compile(scaled(), c); err != nil && strings.Contains(err.Error(), "built without cgo") {
		t.Skip("this build has no cgo, and so no ONNX Runtime")
	}
	return c.WithLibrary(testkit.ORT(t))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
