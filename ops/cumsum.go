package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// CumSum adds up the elements along an axis; with exclusive without the element itself, with reverse from the end.
// https://onnx.ai/onnx/operators/onnx__CumSum.html
var _ = define(Op{
	Name: "CumSum", Since: 11,
	Infer: inferCumulative,
	Eval:  cumulative{0, foldSum}.eval(),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{summedBack(b, n, dy[0]), nil}
	},
	Exact: Rounding,
	Cases: `
		plain   [2 3] 1 2 3 4 5 6  i64[] 1  ->  [2 3] 1 3 6 4 9 15
		before  exclusive=1  [3] 1 2 3  i32[] 0  ->  [3] 0 1 3
		back    exclusive=1 reverse=1  i32[3] 1 2 3  i64[1] -1  ->  i32[3] 5 3 0
		range   [3] 1 2 3  i64[] 1  ->  error "axis"`,
})

// summedBack sums v along the axis of n in the other direction.
func summedBack(b *Builder, n *graph.Node, v *graph.Value) *graph.Value {
	attrs := graph.Attrs{"exclusive": n.Attrs.Bool("exclusive", false), "reverse": !n.Attrs.Bool("reverse", false)}
	return b.Op("CumSum", attrs, v, n.In[1])
}

func inferCumulative(c *Inference) ([]*graph.Type, error) {
	if t := c.Constant(1); t != nil && c.Type(0).Rank() >= 0 {
		if _, err := cumulativeAxis(t, c.Type(0).Rank()); err != nil {
			return nil, err
		}
	}
	return sameAsFirst(c)
}

func cumulativeAxis(t *graph.Tensor, rank int) (int, error) {
	axis, err := int64s(t)
	if err != nil {
		return 0, err
	}
	if len(axis) != 1 {
		return 0, fmt.Errorf("the axis is %s, want one number", t)
	}
	return axisOf(axis[0], rank)
}

// cumulative runs a fold along an axis; one is what it starts from.
type cumulative struct {
	one int64
	fold
}

func (f cumulative) eval() func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := cumulativeAxis(c.In[1], len(x.Shape))
		if err != nil {
			return nil, err
		}
		y := c.Output(x.DType, x.Shape...)
		switch x.DType {
		case graph.Float32:
			err = alongAxis[float32](c, y, x, axis, running(c.Node, float64(f.one), f.Float))
		case graph.Float64:
			err = alongAxis[float64](c, y, x, axis, running(c.Node, float64(f.one), f.Float))
		case graph.Int32:
			err = alongAxis[int32](c, y, x, axis, running(c.Node, f.one, f.Int))
		case graph.Int64:
			err = alongAxis[int64](c, y, x, axis, running(c.Node, f.one, f.Int))
		case graph.Uint32:
			err = alongAxis[uint32](c, y, x, axis, running(c.Node, uint64(f.one), f.Uint))
		case graph.Uint64:
			err = alongAxis[uint64](c, y, x, axis, running(c.Node, uint64(f.one), f.Uint))
		default:
			err = unsupported(c, x.DType)
		}
		return []*graph.Tensor{y}, err
	})
}

func running[W float64 | int64 | uint64](n *graph.Node, one W, f func(acc, x W) W) func(line []W) {
	exclusive, reverse := n.Attrs.Bool("exclusive", false), n.Attrs.Bool("reverse", false)
	return func(line []W) {
		acc := one
		for k := range line {
			if reverse {
				k = len(line) - 1 - k
			}
			before := acc
			acc = f(acc, line[k])
			line[k] = acc
			if exclusive {
				line[k] = before
			}
		}
	}
}
