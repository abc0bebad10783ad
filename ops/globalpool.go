package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// inferGlobalPool keeps the first two axes and reduces the rest to one element.
func inferGlobalPool(c *Inference) ([]*graph.Type, error) {
	t := c.Type(0).Clone()
	if t.Rank() >= 0 && t.Rank() < 2 {
		return nil, fmt.Errorf("input is %s, want (N, C, ...)", t)
	}
	for i := 2; i < t.Rank(); i++ {
		t.Shape[i] = graph.D(1)
	}
	return []*graph.Type{t}, nil
}

// globalPool folds all axes but the first two; f may depend on the node.
func globalPool(f func(n *graph.Node) fold) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		if len(x.Shape) < 2 {
			return nil, fmt.Errorf("input is %s, want (N, C, ...)", x)
		}
		if !x.DType.IsFloat() {
			return nil, unsupported(c, x.DType)
		}
		over := make([]bool, len(x.Shape))
		for i := 2; i < len(over); i++ {
			over[i] = true
		}
		y, err := f(c.Node).over(c, x, over)
		return []*graph.Tensor{y}, err
	})
}

// flatPlanes views (N, C, ...) as (N, C, positions).
func flatPlanes(b *Builder, v *graph.Value) *graph.Value { return b.Reshape(v, 0, 0, -1) }

// likePlanes gives v the shape of x.
func likePlanes(b *Builder, v, x *graph.Value) *graph.Value {
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, v, b.Op("Shape", nil, x))
}
