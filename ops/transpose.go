package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Transpose permutes axes; without perm it reverses them.
// https://onnx.ai/onnx/operators/onnx__Transpose.html
var _ = define(Op{
	Name: "Transpose", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		perm, err := permutation(c.Node, t.Rank())
		if err != nil {
			return nil, err
		}
		for i, p := range perm {
			t.Shape[i] = c.Type(0).Shape[p]
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		perm, err := permutation(c.Node, len(x.Shape))
		if err != nil {
			return nil, err
		}
		own := Strides(x.Shape)
		shape, strides := make([]int64, len(perm)), make([]int, len(perm))
		for i, p := range perm {
			shape[i], strides[i] = x.Shape[p], own[p]
		}
		y := c.Output(x.DType, shape...)
		gatherStrided(y, x, strides, 0)
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		perm := n.Attrs.Ints("perm", nil)
		if perm == nil {
			return []*graph.Value{b.Op("Transpose", nil, dy[0])}
		}
		inverse := make([]int64, len(perm))
		for i, p := range perm {
			inverse[p] = int64(i)
		}
		return []*graph.Value{b.Transpose(dy[0], inverse...)}
	},
	Exact: Bitwise,
	Cases: `
		plain [2 3] 1 2 3 4 5 6  ->  [3 2] 1 4 2 5 3 6
		perm  perm=[0,2,1]  [1 2 3] 1 2 3 4 5 6  ->  [1 3 2] 1 4 2 5 3 6`,
})

func permutation(n *graph.Node, rank int) ([]int, error) {
	perm := make([]int, rank)
	attr := n.Attrs.Ints("perm", nil)
	if attr == nil {
		for i := range perm {
			perm[i] = rank - 1 - i
		}
		return perm, nil
	}
	seen := make([]bool, rank)
	if len(attr) != rank {
		return nil, fmt.Errorf("perm %v of a tensor of rank %d", attr, rank)
	}
	for i, p := range attr {
		if p < 0 || int(p) >= rank || seen[p] {
			return nil, fmt.Errorf("perm %v is no permutation of %d axes", attr, rank)
		}
		seen[p] = true
		perm[i] = int(p)
	}
	return perm, nil
}

// gatherStrided fills y, in order, with the elements of x at the given strides from offset on. Any element type.
func gatherStrided(y, x *graph.Tensor, strides []int, offset int) {
	if x.DType == graph.String {
		copyStrided(y.Strings, x.Strings, y.Shape, strides, offset)
		return
	}
	switch x.DType.Bits() {
	case 8:
		copyStrided(y.Raw, x.Raw, y.Shape, strides, offset)
	case 16:
		copyStrided(cells[uint16](y), cells[uint16](x), y.Shape, strides, offset)
	case 32:
		copyStrided(cells[uint32](y), cells[uint32](x), y.Shape, strides, offset)
	case 64:
		copyStrided(cells[uint64](y), cells[uint64](x), y.Shape, strides, offset)
	case 128:
		copyStrided(cells[complex128](y), cells[complex128](x), y.Shape, strides, offset)
	default:
		copyPacked(y, x, strides, offset)
	}
}

func copyStrided[T any](y, x []T, shape []int64, strides []int, offset int) {
	eachRow(shape, [][]int{strides}, func(out int, at, steps []int, n int) {
		i := offset + at[0]
		if steps[0] == 1 {
			copy(y[out:out+n], x[i:])
			return
		}
		for k := out; k < out+n; k++ {
			y[k] = x[i]
			i += steps[0]
		}
	})
}

// copyPacked moves elements of two or four bits.
func copyPacked(y, x *graph.Tensor, strides []int, offset int) {
	bits := x.DType.Bits()
	per, mask := 8/bits, byte(1<<bits-1)
	eachRow(y.Shape, [][]int{strides}, func(out int, at, steps []int, n int) {
		i := offset + at[0]
		for k := out; k < out+n; k++ {
			v := x.Raw[i/per] >> (i % per * bits) & mask
			y.Raw[k/per] |= v << (k % per * bits)
			i += steps[0]
		}
	})
}
