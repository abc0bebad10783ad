package train_test

import (
	"context"
	"fmt"

	"github.com/astronnx/astronnx/dataset"
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

// A network learns a sum from samples in memory. It is an ordinary model before and after.
func ExampleFit() {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: &graph.Graph{Name: "sum"}}
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(2)))
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	m.Graph.Outputs = []*graph.Value{b.Op("MatMul", nil, x, b.Param("weight", graph.NewTensor(graph.Float32, 2, 1)))}

	in, out := graph.NewTensor(graph.Float32, 64, 2), graph.NewTensor(graph.Float32, 64, 1)
	in.Name, out.Name = "x", "target"
	for i := range 64 {
		p, q := float32(i%8)/8, float32(i/8)/8
		graph.Data[float32](in)[2*i], graph.Data[float32](in)[2*i+1], graph.Data[float32](out)[i] = p, q, p+q
	}
	data, err := dataset.Memory(in, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	fit := train.New(m, train.MSE(), train.Adam(0.05))
	report, err := fit.Run(context.Background(), data, train.Options{Epochs: 60, Batch: 16, Engine: runtime.NewConfig().WithEngine("reference")})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := graph.Data[float32](fit.Best().Graph.Initializers[0].Const)
	fmt.Printf("%d steps, weights %.2f and %.2f\n", report.Steps, w[0], w[1])
	// Output: 240 steps, weights 1.00 and 1.00
}
