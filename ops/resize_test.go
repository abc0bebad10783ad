package ops_test

import (
	"context"
	"slices"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/train"
)

// The gradient check of package conformance varies every floating input, which scales are; here they are equivalent to sizes.
func TestResizeGradientByScales(t *testing.T) {
	scales, sizes := graph.Vector[float32](1, 2), graph.Vector[int64](2, 6)
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		want := resizeGradient(t, mode, false, nil, sizes)
		for _, symbolic := range []bool{false, true} {
			if got := resizeGradient(t, mode, symbolic, scales, nil); !slices.Equal(got, want) {
				t.Errorf("%s, symbolic %v: got %v want %v", mode, symbolic, got, want)
			}
		}
	}
}

func resizeGradient(t *testing.T, mode string, symbolic bool, scales, sizes *graph.Tensor) []float64 {
	t.Helper()
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{Name: "g"}}
	dims := []graph.Dim{graph.D(2), graph.D(3)}
	if symbolic {
		dims = []graph.Dim{graph.Sym("n"), graph.Sym("m")}
	}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float64, dims...))
	in := []*graph.Value{x, nil, nil, nil}
	for i, c := range []*graph.Tensor{2: scales, 3: sizes} {
		if c != nil {
			in[i] = m.Graph.NewConst([]string{2: "scales", 3: "sizes"}[i], c)
		}
	}
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	y := b.Op("Resize", graph.Attrs{"mode": mode}, in...)
	dx, err := train.Gradient(m, ops.Standard(), []*graph.Value{b.Mul(y, y)}, []*graph.Value{nil}, []*graph.Value{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Outputs = dx
	plan, err := reference.Engine{}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	out := make([]*graph.Tensor, 1)
	if err := plan.Run(context.Background(), []*graph.Tensor{graph.FromSlice([]float64{1, 5, 2, -3, 0, 4}, 2, 3)}, nil, out); err != nil {
		t.Fatal(err)
	}
	return graph.Data[float64](out[0])
}
