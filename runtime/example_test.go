package runtime_test

import (
	"context"
	"fmt"
	"log"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/runtime"
)

func ExampleCompile() {
	// A network usually comes from a file, by runtime.Load; this one doubles every pixel of maps of Nside 1.
	g := &graph.Graph{Name: "double"}
	maps := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(12))
	x, y := g.NewInput("x", maps), &graph.Value{Name: "y", Type: maps}
	g.Append(graph.NewNode("", "Add", nil, []*graph.Value{x, x}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}

	model, err := runtime.Compile(&graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, runtime.NewConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	in := runtime.FromSlice([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 1, 12)
	out, err := model.Run(context.Background(), runtime.Inputs{"x": in})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out["y"].Shape, runtime.Data[float32](out["y"]))
	// Output: [1 12] [2 4 6 8 10 12 14 16 18 20 22 24]
}

func ExampleModel_NewSession() {
	g := &graph.Graph{Name: "count"}
	scalar := graph.TensorType(graph.Float32)
	x, y := g.NewInput("x", scalar), &graph.Value{Name: "y", Type: scalar}
	g.Append(graph.NewNode("", "Add", nil, []*graph.Value{x, g.NewConst("one", graph.Scalar[float32](1))}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	model, err := runtime.Compile(&graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}, runtime.NewConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	s, err := model.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	// The state passes from step to step without leaving the engine.
	if err := s.SetInput("x", runtime.Scalar[float32](0)); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		if err := s.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
		if err := s.Feed("x", "y"); err != nil {
			log.Fatal(err)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(runtime.Data[float32](s.Output("y")))
	// Output: [4]
}
