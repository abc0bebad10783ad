package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// TensorScatter writes an update into a cache along an axis, from an index that each batch has of its own (0 without);
// circular wraps around the end. It is what the keys and values of attention are kept by.
// https://onnx.ai/onnx/operators/onnx__TensorScatter.html
var _ = define(Op{
	Name: "TensorScatter", Since: 24,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, u := c.In[0], c.In[1]
		axis, err := scatterAxis(c.Node, x, u)
		if err != nil {
			return nil, err
		}
		begins, err := writeIndices(c, x.Shape[0])
		if err != nil {
			return nil, err
		}
		y := startFrom(c, x)
		size, count := x.Shape[axis], u.Shape[axis]
		blocks, _ := graph.NumElements(x.Shape[1:axis])
		row, _ := graph.NumElements(x.Shape[axis+1:])
		circular := c.Node.Attrs.Str("mode", "linear") == "circular"
		for k := range x.Shape[0] * blocks {
			begin := begins[k/blocks]
			if begin < 0 || !circular && begin > size-count {
				return nil, fmt.Errorf("%d updates from %d do not fit an axis of %d", count, begin, size)
			}
			for i := range count {
				to := begin + i
				if circular {
					to = (begin%size + i) % size
				}
				copyElements(y, int((k*size+to)*row), u, int((k*count+i)*row), int(row))
			}
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		rank, index := n.In[0].Type.Rank(), n.Input(2)
		if rank < 2 {
			panic("ops: the gradient of TensorScatter needs the rank of its input")
		}
		axis, err := axisOf(n.Attrs.Int("axis", -2), rank)
		if err != nil {
			panic(err)
		}
		shape := b.Op("Shape", nil, n.In[1])
		size := func(v *graph.Value) *graph.Value {
			return b.Reshape(b.Op("Shape", graph.Attrs{"start": axis, "end": axis + 1}, v))
		}
		along := make([]int64, rank-axis)
		for i := range along {
			along[i] = 1
		}
		along[0] = -1
		at := b.Reshape(b.Op("Range", nil, b.Int(0), size(n.In[1]), b.Int(1)), along...)
		if index != nil {
			column := make([]int64, rank)
			for i := range column {
				column[i] = 1
			}
			column[0] = -1
			at = b.Add(at, b.Reshape(index, column...))
		}
		if n.Attrs.Str("mode", "linear") == "circular" {
			at = b.Op("Mod", nil, at, size(n.In[0]))
		}
		du := b.Op("GatherElements", graph.Attrs{"axis": axis}, dy[0], b.Op("Expand", nil, at, shape))
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), shape)
		return []*graph.Value{b.Op("TensorScatter", n.Attrs, dy[0], zeros, index), du, nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		first    [1 3 1] 1 2 3  [1 2 1] 8 9  ->  [1 3 1] 8 9 3
		batches  [2 3 1] 1 2 3 4 5 6  [2 1 1] 8 9  i64[2] 2 0  ->  [2 3 1] 1 2 8 9 5 6
		circular mode="circular" axis=1  [1 3] 1 2 3  [1 2] 8 9  i64[1] 2  ->  [1 3] 9 2 8
		beyond   axis=1  [1 3] 1 2 3  [1 2] 8 9  i64[1] 2  ->  error "do not fit"`,
})

func scatterAxis(n *graph.Node, x, u *graph.Tensor) (int, error) {
	axis, err := axisOf(n.Attrs.Int("axis", -2), len(x.Shape))
	if err != nil {
		return 0, err
	}
	if mode := n.Attrs.Str("mode", "linear"); mode != "linear" && mode != "circular" {
		return 0, fmt.Errorf("mode %q, want linear or circular", mode)
	}
	fits := axis > 0 && u.DType == x.DType && len(u.Shape) == len(x.Shape) && u.Shape[axis] <= x.Shape[axis]
	for i := range x.Shape {
		fits = fits && (i == axis || u.Shape[i] == x.Shape[i])
	}
	if !fits {
		return 0, fmt.Errorf("an update %s of axis %d of a cache %s: want equal sizes elsewhere, and axis 0 for batches",
			u, axis, x)
	}
	return axis, nil
}

func writeIndices(c *Call, batch int64) ([]int64, error) {
	t := c.Input(2)
	if t == nil {
		return make([]int64, batch), nil
	}
	index, err := int64s(t)
	if err != nil || len(t.Shape) != 1 || t.Shape[0] != batch {
		return nil, fmt.Errorf("write_indices is %s, want one int64 for each of %d batches", t, batch)
	}
	return index, nil
}
