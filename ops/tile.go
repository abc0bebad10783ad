package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Tile repeats its input along each axis.
// https://onnx.ai/onnx/operators/onnx__Tile.html
var _ = define(Op{
	Name: "Tile", Since: 6,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		var repeats []int64
		if r := c.Constant(1); r != nil {
			var err error
			if repeats, err = tileRepeats(r, t.Rank()); err != nil {
				return nil, err
			}
		}
		for i, d := range t.Shape {
			if repeats != nil && d.Known() {
				t.Shape[i] = graph.D(d.Size * repeats[i])
			} else if repeats == nil || repeats[i] != 1 {
				t.Shape[i] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		repeats, err := tileRepeats(c.In[1], len(x.Shape))
		if err != nil {
			return nil, err
		}
		// As (repeat, size) pairs of axes, tiling is reading with stride 0.
		own := Strides(x.Shape)
		var pairs, shape []int64
		var strides []int
		for i, d := range x.Shape {
			pairs = append(pairs, repeats[i], d)
			strides = append(strides, 0, own[i])
			n, ok := graph.NumElements([]int64{repeats[i], d})
			if !ok {
				return nil, fmt.Errorf("repeats %v of shape %v overflow", repeats, x.Shape)
			}
			shape = append(shape, n)
		}
		y, err := outputOf(c, x.DType, shape)
		if err != nil {
			return nil, err
		}
		gatherStrided(withShape(y, pairs), x, strides, 0)
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		rank := n.In[0].Type.Rank()
		if rank < 0 {
			panic("ops: the gradient of Tile needs the rank of its input")
		}
		// Seen as (repeat, size) pairs of axes, the repeats are summed away.
		size := b.Op("Shape", nil, n.In[0])
		both := b.Op("Concat", graph.Attrs{"axis": 1}, b.Op("Unsqueeze", nil, n.In[1], b.Ints(1)), b.Op("Unsqueeze", nil, size, b.Ints(1)))
		split := b.Op("Reshape", graph.Attrs{"allowzero": 1}, dy[0], b.Reshape(both, -1))
		axes := make([]int64, rank)
		for i := range axes {
			axes[i] = int64(2 * i)
		}
		return []*graph.Value{b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, split, b.Ints(axes...)), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		columns [2 2] 1 2 3 4  i64[2] 1 2  ->  [2 4] 1 2 1 2 3 4 3 4
		rows    [1 2] 1 2  i64[2] 2 1  ->  [2 2] 1 2 1 2`,
})

func tileRepeats(t *graph.Tensor, rank int) ([]int64, error) {
	repeats, err := int64s(t)
	if err == nil && len(repeats) != rank {
		err = fmt.Errorf("%d repeats for a tensor of rank %d", len(repeats), rank)
	}
	for _, r := range repeats {
		if r < 0 {
			err = fmt.Errorf("repeats %v, want none negative", repeats)
		}
	}
	return repeats, err
}
