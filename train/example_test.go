package train_test

import (
	"context"
	"fmt"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// The gradient of Σ x³ is a graph as well: a model that has it as an output runs like any other.
func ExampleGradient() {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &graph.Graph{Name: "cubes"}}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float64, graph.D(3)))
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	y := b.Mul(b.Mul(x, x), x)

	// Without a seed the outputs are summed.
	dx, err := train.Gradient(m, ops.Standard(), []*graph.Value{y}, []*graph.Value{nil}, []*graph.Value{x}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	dx[0].Name = "dx"
	m.Graph.Outputs = dx

	model, err := runtime.Compile(m, runtime.NewConfig().WithEngine("reference"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	out, err := model.Run(context.Background(), runtime.Inputs{"x": runtime.FromSlice([]float64{1, 2, 3}, 3)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(runtime.Data[float64](out["dx"]))
	// Output: [3 12 27]
}
