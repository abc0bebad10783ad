package graph_test

import (
	"fmt"
	"os"

	"github.com/astronnx/astronnx/graph"
)

// A model is built from values and nodes, checked, and shown as text.
func Example() {
	g := &graph.Graph{Name: "affine"}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(2)))
	w := g.NewConst("w", graph.FromSlice([]float32{1, 2, 3, 4}, 2, 2))
	b := g.NewConst("b", graph.Vector[float32](0.5, -0.5))
	y := &graph.Value{Name: "y", Type: graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(2))}
	g.Append(graph.NewNode("", "Gemm", graph.Attrs{"transB": 1}, []*graph.Value{x, w, b}, []*graph.Value{y}))
	g.Outputs = append(g.Outputs, y)

	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
	fmt.Println(m.Verify())
	fmt.Println(len(w.Uses()), "use of w, by", w.Uses()[0].Node.Op)
	graph.Fprint(os.Stdout, m)
	// Output:
	// <nil>
	// 1 use of w, by Gemm
	// model ir 8
	// opset ai.onnx 17
	// graph affine {
	//   in   x float32[N,2]
	//   init w = float32[2 2] [1, 2, 3, 4]
	//   init b = float32[2] [0.5, -0.5]
	//   y float32[N,2] = Gemm<transB=1>(x, w, b)
	//   out  y float32[N,2]
	// }
}
