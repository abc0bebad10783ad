package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Pad adds elements before and after each axis, or takes them away where a pad is negative: a constant, the edge, the mirror image
// without the edge, or the opposite side (opset 19). Before opset 11 pads and value are attributes.
// https://onnx.ai/onnx/operators/onnx__Pad.html
var _ = define(Op{
	Name: "Pad", Since: 2,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		if c.Has(1) && c.Constant(1) == nil || c.Has(3) && c.Constant(3) == nil {
			for k := range t.Shape {
				t.Shape[k] = graph.Sym("")
			}
			return []*graph.Type{t}, nil
		}
		before, after, err := padsOf(c.Node, c.Constant(1), c.Constant(3), t.Rank())
		if err != nil {
			return nil, err
		}
		for k, d := range t.Shape {
			switch {
			case before[k] == 0 && after[k] == 0:
			case d.Known():
				t.Shape[k] = graph.D(max(0, d.Size+before[k]+after[k]))
			default:
				t.Shape[k] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		before, after, err := padsOf(c.Node, c.Input(1), c.Input(3), len(x.Shape))
		if err != nil {
			return nil, err
		}
		shape := make([]int64, len(x.Shape))
		for k, d := range x.Shape {
			shape[k] = d + before[k] + after[k]
			if max(before[k], after[k]) > 1<<60 || min(before[k], after[k]) < -1<<60 || shape[k] < 0 {
				return nil, fmt.Errorf("pads %v and %v leave nothing of %s", before, after, x)
			}
		}
		y, err := outputOf(c, x.DType, shape)
		if err != nil {
			return nil, err
		}
		if y.Len() == 0 {
			return []*graph.Tensor{y}, nil
		}
		from, err := padSources(c.Node.Attrs.Str("mode", "constant"), x.Shape, shape, before)
		if err != nil {
			return nil, err
		}
		value, err := padValue(c, x.DType)
		if err != nil {
			return nil, err
		}
		at := make([]int, len(shape))
		strides := Strides(x.Shape)
		n, _ := graph.NumElements(shape)
		for p := range int(n) {
			if p%cheap == 0 && c.Err() != nil {
				return nil, c.Err()
			}
			source, inside := 0, true
			for k, i := range at {
				s := from[k][i]
				inside = inside && s >= 0
				source += s * strides[k]
			}
			switch {
			case inside:
				copyElements(y, p, x, source, 1)
			case value != nil:
				copyElements(y, p, value, 0, 1)
			}
			for k := len(at) - 1; k >= 0; k-- {
				if at[k]++; at[k] < int(shape[k]) {
					break
				}
				at[k] = 0
			}
		}
		return []*graph.Tensor{y}, nil
	},
	Grad:  padGrad,
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		constant [2] 1 2  i64[2] 1 2  [] 9  ->  [5] 9 1 2 9 9
		edge     mode="edge"  [2 2] 1 2 3 4  i64[4] 0 1 0 0  ->  [2 3] 1 1 2 3 3 4
		reflect  mode="reflect"  [3] 1 2 3  i64[2] 2 1  ->  [6] 3 2 1 2 3 2
		wrap     mode="wrap"  [3] 1 2 3  i64[2] 2 1  ->  [6] 2 3 1 2 3 1
		nothing  [0 1]  i64[4] 0 1000000000000 0 0  ->  [0 1000000000001]
		crop     [4] 1 2 3 4  i64[2] -1 -1  ->  [2] 2 3`,
})

// padsOf returns the pads before and after each axis.
func padsOf(n *graph.Node, pads, axes *graph.Tensor, rank int) (before, after []int64, err error) {
	given := n.Attrs.Ints("pads", n.Attrs.Ints("paddings", nil))
	if pads != nil {
		if given, err = int64s(pads); err != nil {
			return nil, nil, err
		}
	}
	which := make([]int64, rank)
	for k := range which {
		which[k] = int64(k)
	}
	if axes != nil {
		if which, err = int64s(axes); err != nil {
			return nil, nil, err
		}
	}
	if len(given) != 2*len(which) {
		return nil, nil, fmt.Errorf("%d pads for %d axes, want two each", len(given), len(which))
	}
	before, after = make([]int64, rank), make([]int64, rank)
	for i, a := range which {
		axis, err := axisOf(a, rank)
		if err != nil {
			return nil, nil, err
		}
		before[axis], after[axis] = given[i], given[i+len(which)]
	}
	return before, after, nil
}

func padValue(c *Call, d graph.DType) (*graph.Tensor, error) {
	if v := c.Input(2); v != nil {
		if v.DType != d || v.Len() != 1 {
			return nil, fmt.Errorf("the padding value is %s, want one %s", v, d)
		}
		return v, nil
	}
	if c.Node.Attrs.Has("value") {
		return castTensor(graph.Scalar(c.Node.Attrs.Float("value", 0)), d)
	}
	return nil, nil
}

// padSources returns, for every position of each axis of the output, the position of the input it copies, -1 for the constant.
func padSources(mode string, in, out, before []int64) ([][]int, error) {
	from := make([][]int, len(out))
	for k := range out {
		from[k] = make([]int, out[k])
		size := in[k]
		for p := range from[k] {
			i := int64(p) - before[k]
			switch {
			case i >= 0 && i < size:
			case mode == "constant":
				i = -1
			case size == 0:
				return nil, fmt.Errorf("padding by %s of an axis without elements", mode)
			case mode == "edge":
				i = max(0, min(i, size-1))
			case mode == "wrap":
				i = (i%size + size) % size
			case mode == "reflect" && size == 1:
				i = 0
			case mode == "reflect":
				period := 2 * (size - 1)
				i = (i%period + period) % period
				i = min(i, period-i)
			default:
				return nil, fmt.Errorf("mode %q, want constant, edge, reflect or wrap", mode)
			}
			from[k][p] = int(i)
		}
	}
	return from, nil
}

// padGrad crops for a constant, and otherwise adds every element to where it was copied from, which padding the numbers of the
// input's elements tells.
func padGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	dx := make([]*graph.Value, len(n.In))
	attrs := graph.Attrs{"mode": n.Attrs.Str("mode", "constant")}
	pads := n.Input(1)
	if pads == nil {
		pads = b.Ints(n.Attrs.Ints("pads", nil)...)
	}
	if n.Attrs.Str("mode", "constant") == "constant" {
		crop := []*graph.Value{dy[0], b.Op("Neg", nil, pads), nil, n.Input(3)}
		dx[0] = b.Op("Pad", nil, crop...)
		if n.Input(2) != nil {
			dx[2] = b.Sub(b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, dy[0]), b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, dx[0]))
		}
		return dx
	}
	x := n.In[0]
	shape, count := b.Op("Shape", nil, x), b.Op("Size", nil, x)
	numbers := b.Op("Range", nil, b.Int(0), count, b.Int(1))
	grid := b.Op("Reshape", graph.Attrs{"allowzero": 1}, numbers, shape)
	at := b.Op("Pad", attrs, grid, pads, nil, n.Input(3))
	zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Unsqueeze", nil, count, b.Ints(0)))
	sum := b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, b.Reshape(at, -1, 1), b.Reshape(dy[0], -1))
	dx[0] = b.Op("Reshape", graph.Attrs{"allowzero": 1}, sum, shape)
	return dx
}
