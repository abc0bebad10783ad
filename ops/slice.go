package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Slice takes ranges along axes, with steps that may be negative. Before opset 10 the ranges are attributes.
// https://onnx.ai/onnx/operators/onnx__Slice.html
var _ = define(Op{
	Name: "Slice", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		for i := 1; i < len(c.Node.In); i++ {
			if c.Has(i) && c.Constant(i) == nil {
				for k := range t.Shape {
					t.Shape[k] = graph.Sym("")
				}
				return []*graph.Type{t}, nil
			}
		}
		cuts, err := sliceCuts(c.Node, c.Const, t.Sizes())
		if err != nil {
			return nil, err
		}
		for k, s := range cuts {
			switch {
			case s.whole:
			case t.Shape[k].Known():
				t.Shape[k] = graph.D(s.n)
			default:
				t.Shape[k] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		cuts, err := sliceCuts(c.Node, c.In, x.Shape)
		if err != nil {
			return nil, err
		}
		strides := Strides(x.Shape)
		shape := make([]int64, len(cuts))
		offset := 0
		for k, s := range cuts {
			offset += int(s.start) * strides[k]
			strides[k] *= int(s.step)
			shape[k] = s.n
		}
		y := c.Output(x.DType, shape...)
		gatherStrided(y, x, strides, offset)
		return []*graph.Tensor{y}, nil
	},
	Grad:  sliceGrad,
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		middle  [2 3] 1 2 3 4 5 6  i64[1] 1  i64[1] 9  i64[1] 1  ->  [2 2] 2 3 5 6
		reverse [4] 1 2 3 4  i64[1] -1  i64[1] -9  i64[1] 0  i64[1] -2  ->  [2] 4 2
		empty   [3] 1 2 3  i64[1] 2  i64[1] 1  ->  [0]`,
})

// sliceCut is n elements of one axis from start on, by step.
type sliceCut struct {
	start, step, n int64
	whole          bool
}

// sliceCuts reads starts, ends, axes and steps. Where a size is -1 the element count is meaningless.
func sliceCuts(n *graph.Node, in []*graph.Tensor, shape []int64) ([]sliceCut, error) {
	lists := [4][]int64{n.Attrs.Ints("starts", nil), n.Attrs.Ints("ends", nil), n.Attrs.Ints("axes", nil), nil}
	for i := range lists {
		if i+1 < len(in) && in[i+1] != nil {
			var err error
			if lists[i], err = int64s(in[i+1]); err != nil {
				return nil, err
			}
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if len(ends) != len(starts) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("%d starts, %d ends, %d axes and %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	cuts := make([]sliceCut, len(shape))
	for k, d := range shape {
		cuts[k] = sliceCut{0, 1, d, true}
	}
	seen := make([]bool, len(shape))
	for i, start := range starts {
		at := int64(i)
		if axes != nil {
			at = axes[i]
		}
		axis, err := axisOf(at, len(shape))
		if err != nil {
			return nil, err
		}
		if seen[axis] {
			return nil, fmt.Errorf("axes %v name one twice", axes)
		}
		seen[axis] = true
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 || step == math.MinInt64 {
			return nil, fmt.Errorf("step %d along axis %d", step, axis)
		}
		cuts[axis] = sliceAxis(start, ends[i], step, shape[axis])
	}
	return cuts, nil
}

func sliceAxis(start, end, step, size int64) sliceCut {
	low, high := int64(0), size
	if step < 0 {
		low, high = -1, size-1
	}
	limit := func(i int64) int64 {
		if i < 0 {
			i += size
		}
		return max(low, min(i, high))
	}
	s, e := limit(start), limit(end)
	n := int64(0)
	if step > 0 && e > s {
		n = (e - s + step - 1) / step
	} else if step < 0 && s > e {
		n = (s - e - step - 1) / -step
	}
	return sliceCut{s, step, n, false}
}

// sliceGrad scatters the gradient to the flat positions it was taken from, which are found by slicing their numbers alike.
func sliceGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x := n.In[0]
	shape := b.Op("Shape", nil, x)
	count := b.Op("Size", nil, x)
	numbers := b.Op("Range", nil, b.Int(0), count, b.Int(1))
	grid := b.Op("Reshape", graph.Attrs{"allowzero": 1}, numbers, shape)
	attrs := graph.Attrs{}
	for k, v := range n.Attrs {
		attrs[k] = v
	}
	at := b.Op("Slice", attrs, append([]*graph.Value{grid}, n.In[1:]...)...)
	zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Unsqueeze", nil, count, b.Ints(0)))
	flat := b.Op("ScatterElements", nil, zeros, b.Reshape(at, -1), b.Reshape(dy[0], -1))
	dx := make([]*graph.Value, len(n.In))
	dx[0] = b.Op("Reshape", graph.Attrs{"allowzero": 1}, flat, shape)
	return dx
}
