package ops

import "github.com/astronnx/astronnx/graph"

// GatherND takes the slices at the coordinates that the last axis of the indices names.
// https://onnx.ai/onnx/operators/onnx__GatherND.html
var _ = define(Op{
	Name: "GatherND", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, index := c.Type(0).Clone(), c.Type(1)
		batch := int(c.Node.Attrs.Int("batch_dims", 0))
		if t.Rank() < 0 || index.Rank() < 1 || !index.Shape[index.Rank()-1].Known() {
			return []*graph.Type{withoutShape(t)}, nil
		}
		last := index.Rank() - 1
		from := batch + int(index.Shape[last].Size)
		if from > t.Rank() {
			return []*graph.Type{withoutShape(t)}, nil
		}
		t.Shape = append(append([]graph.Dim{}, index.Shape[:last]...), t.Shape[from:]...)
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, index := c.In[0], c.In[1]
		batch := int(c.Node.Attrs.Int("batch_dims", 0))
		at, size, err := slicePositions(x, index, batch)
		if err != nil {
			return nil, err
		}
		depth := int(index.Shape[len(index.Shape)-1])
		shape := append(append([]int64{}, index.Shape[:len(index.Shape)-1]...), x.Shape[batch+depth:]...)
		y, err := outputOf(c, x.DType, shape)
		if err != nil {
			return nil, err
		}
		for k, p := range at {
			copyElements(y, k*size, x, p, size)
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if n.Attrs.Int("batch_dims", 0) != 0 {
			panic("ops: the gradient of GatherND with batch_dims")
		}
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, n.In[0]))
		return []*graph.Value{b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, n.In[1], dy[0]), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		elements [2 2] 1 2 3 4  i64[2 2] 0 0 1 -1  ->  [2] 1 4
		rows     [2 2] 1 2 3 4  i64[1 1] 1  ->  [1 2] 3 4`,
})
