package conformance_test

import (
	"fmt"

	"github.com/astronnx/astronnx/conformance"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// The tests of one's own operators are one line, conformance.Check(t, set), which asks CheckOp for every operator. Here the gradient of a
// square lacks its factor of two.
func ExampleCheckOp() {
	set := ops.NewSet("org.example")
	square := set.Define(ops.Op{
		Name: "Square", Since: 1,
		Expand: func(b *ops.Builder, n *graph.Node) []*graph.Value { return []*graph.Value{b.Mul(n.In[0], n.In[0])} },
		Grad: func(b *ops.Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return []*graph.Value{b.Mul(dy[0], n.In[0])}
		},
		Cases: `three  [1] 3  ->  [1] 9`,
	})
	for _, err := range conformance.CheckOp(ops.Standard().With(set), square)[:1] {
		fmt.Println(err)
	}
	// Output: case three: gradient with fixed sizes: input 0: element 0: got 2.52441295 want 5.04882591 by central differences
}
