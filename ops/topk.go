package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// TopK returns the k largest (or, with largest=0, smallest) elements along an axis, in order, and their positions; of
// equal ones the first come first. NaN counts as the largest. Before opset 10 k is an attribute.
// https://onnx.ai/onnx/operators/onnx__TopK.html
var _ = define(Op{
	Name: "TopK", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t == nil {
			t = &graph.Type{}
		}
		index := t.Clone()
		index.DType = graph.Int64
		if t.Rank() < 0 {
			return []*graph.Type{t, index}, nil
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), t.Rank())
		if err != nil {
			return nil, err
		}
		k := graph.Sym("")
		if in := c.Constant(1); in != nil || !c.Has(1) {
			n, err := topCount(c.Node, in, t.Shape[axis].Size)
			if err != nil {
				return nil, err
			}
			k = graph.D(n)
		}
		t.Shape[axis] = k
		index.Shape[axis] = k
		return []*graph.Type{t, index}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), len(x.Shape))
		if err != nil {
			return nil, err
		}
		k, err := topCount(c.Node, c.Input(1), x.Shape[axis])
		if err != nil {
			return nil, err
		}
		shape := append([]int64{}, x.Shape...)
		shape[axis] = k
		y, index := c.Output(x.DType, shape...), c.Output(graph.Int64, shape...)
		order, err := ranking(x, c.Node.Attrs.Bool("largest", true))
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{y, index}, top(c, x, y, index, axis, order)
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if dy[0] == nil {
			return []*graph.Value{nil, nil}
		}
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, n.In[0]))
		zeros.Type = n.In[0].Type
		axis := n.Attrs.Int("axis", -1)
		return []*graph.Value{b.Op("ScatterElements", graph.Attrs{"axis": axis}, zeros, n.Out[1], dy[0]), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		largest  [2 3] 1 3 2 6 5 9  i64[1] 2  ->  [2 2] 3 2 9 6  i64[2 2] 1 2 2 0
		ties     !kink  [3] 6 9 6  i64[1] 2  ->  [2] 9 6  i64[2] 1 0
		smallest axis=0 largest=0  i32[3 1] 4 -5 4  i64[1] 2  ->  i32[2 1] -5 4  i64[2 1] 1 0
		nan      [3] 1 nan inf  i64[1] 2  ->  [2] nan inf  i64[2] 1 2
		many     [2] 1 2  i64[1] 3  ->  error "k is 3"`,
})

// topCount reads k and checks it against the size of the axis, -1 if unknown.
func topCount(n *graph.Node, in *graph.Tensor, size int64) (int64, error) {
	k := n.Attrs.Int("k", -1)
	if in != nil {
		v, err := int64s(in)
		if err != nil || len(v) != 1 {
			return 0, fmt.Errorf("k is %s, want one int64", in)
		}
		k = v[0]
	}
	if k < 0 || size >= 0 && k > size {
		return 0, fmt.Errorf("k is %d for an axis of size %d", k, size)
	}
	return k, nil
}

// ranking returns which of two elements of x comes first: negative for the one at i.
func ranking(x *graph.Tensor, largest bool) (func(i, j int) int, error) {
	sign := 1
	if largest {
		sign = -1
	}
	if x.DType == graph.Uint64 {
		v := graph.Data[uint64](x)
		return func(i, j int) int { return sign * compareValues(v[i], v[j]) }, nil
	}
	if x.DType.IsFloat() {
		get, err := floatReader(x)
		if err != nil {
			return nil, err
		}
		return func(i, j int) int { return sign * compareValues(get(i), get(j)) }, nil
	}
	get, err := intReader(x)
	if err != nil {
		return nil, err
	}
	return func(i, j int) int { return sign * compareValues(get(i), get(j)) }, nil
}

// compareValues orders numbers with NaN last.
func compareValues[T float64 | int64 | uint64](a, b T) int {
	switch {
	case a < b || a == a && b != b:
		return -1
	case a > b || a != a && b == b:
		return 1
	}
	return 0
}

func top(c *Call, x, y, index *graph.Tensor, axis int, order func(i, j int) int) error {
	stride, _ := graph.NumElements(x.Shape[axis+1:])
	outer, _ := graph.NumElements(x.Shape[:axis])
	size, k, inner := int(x.Shape[axis]), int(y.Shape[axis]), int(stride)
	found := graph.Data[int64](index)
	line := make([]int, size)
	for l := range int(outer) * inner {
		if err := c.Err(); err != nil {
			return err
		}
		from, to := l/inner*inner*size+l%inner, l/inner*inner*k+l%inner
		for i := range line {
			line[i] = i
		}
		slices.SortStableFunc(line, func(i, j int) int { return order(from+i*inner, from+j*inner) })
		for r, i := range line[:k] {
			found[to+r*inner] = int64(i)
			copyElements(y, to+r*inner, x, from+i*inner, 1)
		}
	}
	return nil
}
