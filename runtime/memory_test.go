package runtime_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/runtime"
)

// heavy is a product with a constant of 16 MB.
func heavy() *graph.Model {
	const n = 2048
	g := &graph.Graph{Name: "heavy"}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(n)))
	t := graph.NewTensor(graph.Float32, n, n)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = r.Float32()
	}
	y := &graph.Value{Name: "y", Type: graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(n))}
	g.Append(graph.NewNode("", "MatMul", nil, []*graph.Value{x, g.NewConst("w", t)}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestMemoryIsGivenBack(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory grows with what is touched")
	}
	c := onnxruntime(t)
	path := filepath.Join(t.TempDir(), "heavy.onnx")
	must(t, os.WriteFile(path, bytesOf(t, heavy()), 0o600))
	m, err := runtime.Compile(scaled(), c) // the library itself is no leak
	must(t, err)
	must(t, m.Close())
	before := testkit.ResidentBytes(t)
	x := graph.NewTensor(graph.Float32, 1, 2048)
	for range 20 {
		m, err := runtime.Load(path, c)
		must(t, err)
		_, err = m.Run(t.Context(), runtime.Inputs{"x": x})
		must(t, err)
		must(t, m.Close())
	}
	more := (testkit.ResidentBytes(t) - before) >> 20
	t.Logf("after 20 × load, run and close of 16 MB the process holds %d MB more", more)
	if more > 40 {
		t.Errorf("after 20 × load, run and close of 16 MB the process holds %d MB more, want at most 40", more)
	}
}

func TestSixteenGoroutines(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		m, err := runtime.Compile(scaled(), c.WithThreads(2))
		must(t, err)
		defer m.Close()
		var wg sync.WaitGroup
		for k := range 16 {
			wg.Go(func() {
				for i := range 50 {
					v := float32(100*k + i)
					out, err := m.Run(context.Background(), runtime.Inputs{"x": sky(int64(i%3+1), v)})
					if err != nil {
						t.Error(err)
						return
					}
					if !out["y"].Equal(sky(int64(i%3+1), 2*v+1)) {
						t.Errorf("goroutine %d run %d: got %v", k, i, out)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
