package ops

import "github.com/astronnx/astronnx/graph"

// GlobalMaxPool is the largest element over all axes but the first two; NaN is larger than all.
// https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html
var _ = define(Op{
	Name: "GlobalMaxPool", Since: 1,
	Infer: inferGlobalPool,
	Eval:  globalPool(func(*graph.Node) fold { return foldMax }),
	// Of equal elements the first has the gradient, as in PyTorch's pools.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := flatPlanes(b, n.In[0])
		first := b.Op("ArgMax", graph.Attrs{"axis": 2, "keepdims": 1}, x)
		size := b.Op("Squeeze", nil, b.Op("Shape", graph.Attrs{"start": 2}, x), b.Ints(0))
		hit := b.Op("Equal", nil, b.Op("Range", nil, b.Int(0), size, b.Int(1)), first)
		d := b.Where(hit, flatPlanes(b, dy[0]), b.Like(dy[0], 0))
		return []*graph.Value{likePlanes(b, d, n.In[0])}
	},
	Exact: Bitwise,
	Cases: `
		plane [1 2 2 2] 1 2 3 6 -3 -1 -2 -4  ->  [1 2 1 1] 6 -1
		ties  !kink [1 1 3] 1 5 5  ->  [1 1 1] 5`,
})
