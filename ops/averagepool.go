package ops

import (
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// AveragePool is the mean of each window: of the elements it sees or, where count_include_pad is set, with the padding
// as zeros.
// https://onnx.ai/onnx/operators/onnx__AveragePool.html
var _ = define(Op{
	Name: "AveragePool", Since: 1,
	Infer: inferPool,
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalAveragePool[float32](c)
		case graph.Float64:
			return evalAveragePool[float64](c)
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x := n.In[0]
		s := sweepOf(b, n, nil, spatialSizes(b, x), spatialSizes(b, dy[0]))
		return []*graph.Value{s.sumGrad(b, b.Div(dy[0], s.counts(b, x, dy[0], n.Attrs.Bool("count_include_pad", false))), x)}
	},
	Exact: Rounding,
	Cases: `
		pairs    kernel_shape=[2] strides=[2]  [1 1 4] 1 3 2 -1  ->  [1 1 2] 2 0.5
		padded   kernel_shape=[2] pads=[1,0]  [1 2 2] 1 3 5 7  ->  [1 2 2] 1 2 5 6
		included kernel_shape=[2] pads=[1,0] count_include_pad=1  [1 1 2] 1 3  ->  [1 1 2] 0.5 2
		ceil     kernel_shape=[2] strides=[2] ceil_mode=1  [1 1 3] 1 3 5  ->  [1 1 2] 2 5
		plane    kernel_shape=[2,2] strides=[2,1]  [1 1 3 3] 0..8  ->  [1 1 1 2] 2 3`,
})

func evalAveragePool[T float32 | float64](c *Call) ([]*graph.Tensor, error) {
	x := c.In[0]
	p, err := poolOf(c.Node, x)
	if err != nil {
		return nil, err
	}
	counts := windowCounts(p.win, p.in, p.out, c.Node.Attrs.Bool("count_include_pad", false))
	y := c.Output(x.DType, p.shape(x)...)
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	err = p.each(c, func(plane, q int, taps []int32) {
		sum := 0.0
		for _, at := range taps {
			if at >= 0 {
				sum += float64(xs[plane*p.plane+int(at)])
			}
		}
		ys[plane*p.positions+q] = T(sum / float64(counts[q]))
	})
	return []*graph.Tensor{y}, err
}

// windowCounts is the number of elements by which the sum of each window is divided. With the padding, what lies beyond
// it still does not count.
func windowCounts(w *window, in, out []int64, padding bool) []float32 {
	n, _ := graph.NumElements(out)
	counts := make([]float32, 0, n)
	at := make([]int64, len(out))
	for range n {
		count := int64(1)
		for i := range at {
			from, to := int64(0), in[i]
			if padding {
				from, to = -w.before[i], in[i]+w.after[i]
			}
			seen := int64(0)
			for k := range w.kernel[i] {
				if p := at[i]*w.stride[i] + k*w.dilation[i] - w.before[i]; p >= from && p < to {
					seen++
				}
			}
			count *= seen
		}
		counts = append(counts, float32(max(1, count)))
		increment(at, out)
	}
	return counts
}

// counts is what [windowCounts] says, of shape (1, 1, ...) or a scalar, in dy's type.
func (s *sweep) counts(b *Builder, x, dy *graph.Value, padding bool) *graph.Value {
	given := slices.Concat(s.window.before, s.window.after)
	same := s.auto == "SAME_UPPER" || s.auto == "SAME_LOWER"
	padded := same || slices.ContainsFunc(given, func(p int64) bool { return p != 0 })
	beyond := s.ceil && !same
	if !beyond && (padding || !padded) {
		taps, _ := graph.NumElements(s.kernel)
		return b.Like(dy, float64(taps))
	}
	seen := b.Op("Expand", nil, b.Like(dy, 1), b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(1, 1), spatialSizes(b, x).in(b)))
	before, after := s.before, s.after
	if padding { // what ceil mode leaves beyond the pads still does not count
		pads := slices.Concat([]int64{0, 0}, s.window.before, []int64{0, 0}, s.window.after)
		seen = b.Op("Pad", nil, seen, b.Ints(pads...), b.Like(dy, 1))
		before, after = each(s.k, 0), after.combine(b, "Sub", sizes{known: s.window.after})
	}
	attrs := graph.Attrs{"strides": s.stride, "dilations": s.dilation}
	return b.Op("Max", nil, convPadded(b, attrs, seen, s.onesKernel(b, dy), before, after), b.Like(dy, 1))
}
