package ops

import (
	"maps"

	"github.com/astronnx/astronnx/graph"
)

// MaxPoolGrad(X, dY) → dX is the adjoint of MaxPool with explicit pads: it gives each element of the gradient dY of the result to the
// largest element of its window over the images X, the first of equal ones, and adds what elements get from several windows. The
// attributes are those of MaxPool.
var _ = fused.Define(Op{
	Name: "MaxPoolGrad", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x := c.Type(0)
		kernel := c.Node.Attrs.Ints("kernel_shape", nil)
		if err := matchWindows(c.Node, kernel, x, c.Type(1)); err != nil {
			return nil, err
		}
		return []*graph.Type{x.Clone()}, nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, dy := n.In[0], n.In[1]
		if err := matchWindows(n, n.Attrs.Ints("kernel_shape", nil), x.Type, dy.Type); err != nil {
			panic(err)
		}
		return []*graph.Value{maxPoolGrad(b, n.Attrs, x, dy)}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		pairs   !kink kernel_shape=[2] strides=[2]  [1 1 5] 1 3 2 2 9  [1 1 2] 10 20  ->  [1 1 5] 0 10 20 0 0
		overlap !kink kernel_shape=[3] pads=[1,0]  [1 2 3] 1 5 -1 2 2 2  [1 2 2] 1 10 100 1000  ->  [1 2 3] 0 11 0 1100 0 0
		ceil    !kink kernel_shape=[2] strides=[2] ceil_mode=1  [1 1 3] 1 3 -2  [1 1 2] 1 10  ->  [1 1 3] 0 1 10
		plane   !kink kernel_shape=[2,2] pads=[1,0,0,0]  [1 1 2 2] -1 -2 -3 -1  [1 1 2 1] 1 10  ->  [1 1 2 2] 11 0 0 0
		dilated !kink kernel_shape=[2] dilations=[2]  [1 1 4] 1 2 3 nan  [1 1 2] 1 10  ->  [1 1 4] 0 0 1 10
		cube    !kink kernel_shape=[2,2,2] strides=[2,2,2]  [1 1 2 2 2] 1 2 3 8 8 6 7 0  [1 1 1 1 1] 5  ->  [1 1 2 2 2] 0 0 0 5 0 0 0 0
		sizes   kernel_shape=[2]  [1 1 4] 1 2 3 4  [1 1 2] 1 10  ->  error "3"`,
})

// maxPoolGrad is the stock form. The positions are computed again, so that inference does not pay for them.
func maxPoolGrad(b *Builder, attrs graph.Attrs, x, dy *graph.Value) *graph.Value {
	attrs = maps.Clone(attrs)
	delete(attrs, "storage_order")
	index := b.OpN(2, "MaxPool", attrs, x)[1]
	count := b.Op("Size", nil, x)
	zeros := b.Op("Expand", nil, b.Op("CastLike", nil, b.Float(graph.Float32, 0), dy), b.Op("Unsqueeze", nil, count, b.Ints(0)))
	sum := b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, b.Reshape(index, -1, 1), b.Reshape(dy, -1))
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, sum, b.Op("Shape", nil, x))
}
