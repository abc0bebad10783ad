package ops_test

import (
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// TestShapeOfNothing infers reshapes by sizes that nodes without their inputs would compute: files may hold such.
func TestShapeOfNothing(t *testing.T) {
	for _, n := range []*graph.Node{
		graph.NewNode("", "Shape", nil, []*graph.Value{nil}, []*graph.Value{{Name: "sizes"}}),
		graph.NewNode("", "Shape", nil, nil, []*graph.Value{{Name: "sizes"}}),
		graph.NewNode("", "Concat", graph.Attrs{"axis": 0}, []*graph.Value{nil}, []*graph.Value{{Name: "sizes"}}),
		graph.NewNode("", "Gather", nil, []*graph.Value{nil}, []*graph.Value{{Name: "sizes"}}),
		graph.NewNode("", "Slice", nil, nil, []*graph.Value{{Name: "sizes"}}),
		graph.NewNode("", "Cast", nil, nil, []*graph.Value{{Name: "sizes"}}),
	} {
		n.Out[0].Type = graph.TensorType(graph.Int64, graph.D(2))
		g := &graph.Graph{Name: "net"}
		x, y := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(2), graph.D(3))), &graph.Value{Name: "y"}
		g.Append(n, graph.NewNode("", "Reshape", nil, []*graph.Value{x, n.Out[0]}, []*graph.Value{y}))
		g.Outputs = []*graph.Value{y}
		_ = ops.Infer(&graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: g}, ops.Standard()) // must not panic
	}
}
