package ops_test

import (
	"fmt"
	"os"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// A set of one's own. An operator that is written in others needs no kernel and no gradient, and a file that uses it carries the
// others as a function, so that any runtime reads it.
func ExampleSet_Define() {
	set := ops.NewSet("org.example")
	set.Define(ops.Op{
		Name: "Contrast", Since: 1,
		Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value {
			return []*graph.Value{b.Sub(n.In[0], b.Op("ReduceMean", nil, n.In[0]))}
		},
		Cases: `centred  [3] 1 2 6  ->  [3] -2 -1 3`,
	})

	all := ops.Standard().With(set)
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18, "org.example": 1}, Graph: &graph.Graph{Name: "map"}}
	b := ops.NewBuilder(m.Graph, all, m.Opsets)
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(12)))
	y := b.Op("org.example:Contrast", nil, x)
	m.Graph.Outputs = []*graph.Value{y}
	fmt.Println(y.Type)
	if err := ops.AttachBodies(m, all); err != nil {
		fmt.Println(err)
		return
	}
	graph.Fprint(os.Stdout, m)
	// Output:
	// float32[N,12]
	// model ir 8
	// opset ai.onnx 18
	// opset org.example 1
	// graph map {
	//   in   x float32[N,12]
	//   Contrast float32[N,12] = org.example:Contrast(x)
	//   out  Contrast float32[N,12]
	// }
	// function org.example:Contrast<> {
	//   in   in0 ?
	//   ReduceMean float32[1,1] = ReduceMean(in0)
	//   Sub float32[N,12] = Sub(in0, ReduceMean)
	//   out  Sub float32[N,12]
	// }
}

// An operator's definition computes by itself, outside any graph.
func ExampleEvaluate() {
	softplus := ops.Standard().Newest("", "Softplus")
	y, err := ops.Evaluate(softplus, nil, graph.Vector[float64](0, 800, -800))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(graph.Data[float64](y[0]))
	// Output: [0.6931471805599453 800 0]
}
