package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// training is the standard's domain of training, whose operators may still change.
var training = NewSet("ai.onnx.preview.training")

// updateRule makes the new values of one tensor: x is the tensor, its gradient and its state.
type updateRule func(b *Builder, n *graph.Node, rate, count *graph.Value, x []*graph.Value) []*graph.Value

// updateAll expands an optimiser: inputs are the rate R, the update count T, then k groups of tensors (what is
// optimised, gradients, and state); update makes one tensor's new values, k-1 of them, of its member of each group.
// Outputs are grouped likewise.
func updateAll(k int, update updateRule) func(*Builder, *graph.Node) []*graph.Value {
	return func(b *Builder, n *graph.Node) []*graph.Value {
		size := (len(n.In) - 2) / k
		if size < 1 || len(n.In) != 2+k*size {
			panic(fmt.Sprintf("ops: %s of %d inputs, want a rate, a count and %d for each tensor", n.Op, len(n.In), k))
		}
		out := make([]*graph.Value, (k-1)*size)
		for i := range size {
			x := make([]*graph.Value, k)
			for j := range x {
				x[j] = n.In[2+j*size+i]
			}
			for j, v := range update(b, n, b.CastLike(n.In[0], x[0]), b.CastLike(n.In[1], x[0]), x) {
				out[j*size+i] = v
			}
		}
		return out
	}
}

// attrLike is a float attribute as a scalar in v's element type.
func attrLike(b *Builder, n *graph.Node, name string, def float32, v *graph.Value) *graph.Value {
	return b.Like(v, float64(n.Attrs.Float(name, def)))
}

// regularized adds the gradient of norm_coefficient/2·|x|².
func regularized(b *Builder, n *graph.Node, x, g *graph.Value) *graph.Value {
	return b.Add(b.Mul(attrLike(b, n, "norm_coefficient", 0, x), x), g)
}
