package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// ScatterND writes each update, a slice, at the coordinates that the last axis of the indices names; a reduction combines it with
// what stands there.
// https://onnx.ai/onnx/operators/onnx__ScatterND.html
var _ = define(Op{
	Name: "ScatterND", Since: 11,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, index, u := c.In[0], c.In[1], c.In[2]
		at, size, err := slicePositions(x, index, 0)
		if err != nil {
			return nil, err
		}
		if u.DType != x.DType || u.Len() != int64(len(at)*size) {
			return nil, fmt.Errorf("updates are %s for data %s and indices %s", u, x, index)
		}
		reduce, err := reducerOf(c.Node, x.DType)
		if err != nil {
			return nil, err
		}
		y := startFrom(c, x)
		for k, p := range at {
			for i := range size {
				reduce(y, p+i, u, k*size+i)
			}
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		index := n.In[1]
		du := b.Op("GatherND", nil, dy[0], index)
		switch mode := n.Attrs.Str("reduction", "none"); mode {
		case "none":
			zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, n.In[2]))
			return []*graph.Value{b.Op("ScatterND", nil, dy[0], index, zeros), nil, du}
		case "add":
			return []*graph.Value{dy[0], nil, du}
		default:
			panic("ops: the gradient of ScatterND with reduction " + mode)
		}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		elements [4] 1 2 3 4  i64[2 1] 1 -1  [2] 8 9  ->  [4] 1 8 3 9
		rows     reduction="add"  [2 2] 1 2 3 4  i64[2 1] 1 1  [2 2] 10 10 20 20  ->  [2 2] 1 2 33 34`,
})

// slicePositions returns the flat position of the slice that each index tuple names, and the size of a slice. The first batch axes
// are common to data and indices.
func slicePositions(x, index *graph.Tensor, batch int) ([]int, int, error) {
	rank := len(index.Shape)
	if rank == 0 || batch >= rank || batch > len(x.Shape) {
		return nil, 0, fmt.Errorf("indices are %s for data %s", index, x)
	}
	depth := int(index.Shape[rank-1])
	if batch+depth > len(x.Shape) {
		return nil, 0, fmt.Errorf("indices name %d axes of data %s", depth, x)
	}
	for k := range batch {
		if index.Shape[k] != x.Shape[k] {
			return nil, 0, fmt.Errorf("indices are %s for data %s, want equal batch axes", index, x)
		}
	}
	given, err := int64s(index)
	if err != nil {
		return nil, 0, err
	}
	strides := Strides(x.Shape)
	slice, _ := graph.NumElements(x.Shape[batch+depth:])
	block, _ := graph.NumElements(x.Shape[batch:])
	tuples, _ := graph.NumElements(index.Shape[:rank-1])
	perBatch, _ := graph.NumElements(index.Shape[batch : rank-1])
	at := make([]int, tuples)
	for k := range at {
		if perBatch > 0 {
			at[k] = k / int(perBatch) * int(block)
		}
		for d := range depth {
			i, size := given[k*depth+d], x.Shape[batch+d]
			if i < -size || i >= size {
				return nil, 0, fmt.Errorf("index %d outside axis %d of data %s", i, batch+d, x)
			}
			if i < 0 {
				i += size
			}
			at[k] += int(i) * strides[batch+d]
		}
	}
	return at, int(slice), nil
}
