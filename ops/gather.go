package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Gather takes slices of the first input along an axis by number; -1 is the last.
// https://onnx.ai/onnx/operators/onnx__Gather.html
var _ = define(Op{
	Name: "Gather", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t, index := c.Type(0).Clone(), c.Type(1)
		if t.Rank() < 0 || index.Rank() < 0 {
			return []*graph.Type{withoutShape(t)}, nil
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
		if err != nil {
			return nil, err
		}
		tail := t.Shape[axis+1:]
		t.Shape = append(append(append([]graph.Dim{}, t.Shape[:axis]...), index.Shape...), tail...)
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, err
		}
		index, err := indices(c.In[1], x.Shape[axis])
		if err != nil {
			return nil, err
		}
		shape := append(append(append([]int64{}, x.Shape[:axis]...), c.In[1].Shape...), x.Shape[axis+1:]...)
		y, err := outputOf(c, x.DType, shape)
		if err != nil {
			return nil, err
		}
		inner, _ := graph.NumElements(x.Shape[axis+1:])
		outer, _ := graph.NumElements(x.Shape[:axis])
		n, row := int(inner), int(x.Shape[axis]*inner)
		for o := range int(outer) {
			for k, i := range index {
				copyElements(y, (o*len(index)+k)*n, x, o*row+int(i)*n, n)
			}
		}
		return []*graph.Tensor{y}, nil
	},
	// The gathered axis is brought to the front, so that ScatterND adds whole slices.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, index := n.In[0], n.In[1]
		rank, extra := x.Type.Rank(), index.Type.Rank()
		if rank < 0 || extra < 0 {
			panic("ops: the gradient of Gather needs the ranks of its inputs")
		}
		axis, err := axisOf(n.Attrs.Int("axis", 0), rank)
		if err != nil {
			panic(err)
		}
		forward, back := make([]int64, 0, rank+extra-1), make([]int64, rank)
		for k := range extra {
			forward = append(forward, int64(axis+k))
		}
		for k := range rank + extra - 1 {
			if k < axis || k >= axis+extra {
				forward = append(forward, int64(k))
			}
		}
		for k := range rank {
			switch {
			case k < axis:
				back[k] = int64(k + 1)
			case k > axis:
				back[k] = int64(k)
			}
		}
		moved := make([]int64, 0, rank)
		moved = append(moved, int64(axis))
		for k := range rank {
			if k != axis {
				moved = append(moved, int64(k))
			}
		}
		shape := b.Op("Gather", nil, b.Op("Shape", nil, x), b.Ints(moved...))
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), shape)
		at := b.Op("Unsqueeze", nil, index, b.Ints(-1))
		sum := b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, at, b.Transpose(dy[0], forward...))
		return []*graph.Value{b.Transpose(sum, back...), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rows    [3 2] 1 2 3 4 5 6  i64[2] 2 -3  ->  [2 2] 5 6 1 2
		columns axis=1  [2 3] 1 2 3 4 5 6  i64[1 2] 0 0  ->  [2 1 2] 1 1 4 4
		scalar  [3] 1 2 3  i64[] -1  ->  [] 3`,
})

// indices reads positions along an axis of the given size and makes them non-negative.
func indices(t *graph.Tensor, size int64) ([]int64, error) {
	given, err := int64s(t)
	if err != nil {
		return nil, err
	}
	index := make([]int64, len(given))
	for k, i := range given {
		if i < -size || i >= size {
			return nil, fmt.Errorf("index %d outside an axis of size %d", i, size)
		}
		if i < 0 {
			i += size
		}
		index[k] = i
	}
	return index, nil
}
