package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// LRN divides by (bias + alpha/size·Σx²)^beta, where the sum is over size neighbouring channels; of an even number one
// more follows than precedes.
// https://onnx.ai/onnx/operators/onnx__LRN.html
var _ = define(Op{
	Name: "LRN", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if _, _, err := lrnWindow(c.Node); err != nil {
			return nil, err
		}
		return sameAsFirst(c)
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		before, after, err := lrnWindow(c.Node)
		if err != nil {
			return nil, err
		}
		if len(c.In[0].Shape) < 2 {
			return nil, fmt.Errorf("want (N, C, ...), got %s", c.In[0])
		}
		f := lrnFactors(c.Node)
		y, err := floatsAlong(c, c.In[0], 1, func(line []float64) {
			squares := make([]float64, len(line))
			for i, x := range line {
				squares[i] = x * x
			}
			for i := range line {
				sum := 0.0
				for _, s := range squares[max(0, int64(i)-before):min(int64(len(line)), int64(i)+after+1)] {
					sum += s
				}
				line[i] /= math.Pow(f.bias+f.alpha*sum, f.beta)
			}
		})
		return []*graph.Tensor{y}, err
	}),
	// The sum runs over slices of the padded squares.
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		before, after, err := lrnWindow(n)
		if err != nil {
			panic("ops: LRN: " + err.Error())
		}
		x, axis, f := n.In[0], b.Ints(1), lrnFactors(n)
		squares := b.Op("Pad", nil, b.Mul(x, x), b.Ints(before, after), nil, axis)
		channels := b.Op("Shape", graph.Attrs{"start": 1, "end": 2}, x)
		var sum *graph.Value
		for k := range before + after + 1 {
			part := b.Op("Slice", nil, squares, b.Ints(k), b.Add(channels, b.Ints(k)), axis)
			if sum == nil {
				sum = part
			} else {
				sum = b.Add(sum, part)
			}
		}
		base := b.Add(b.Mul(sum, b.Like(x, f.alpha)), b.Like(x, f.bias))
		return []*graph.Value{b.Div(x, b.Op("Pow", nil, base, b.Like(x, f.beta)))}
	},
	Exact: Rounding,
	Cases: `
		three size=3 alpha=3.0 beta=1.0 bias=1.0  [1 3 1] 1 2 3  ->  [1 3 1] 0.16666667 0.13333334 0.21428572
		even  size=2 alpha=2.0 beta=1.0 bias=1.0  [1 2 1] 1 2  ->  [1 2 1] 0.16666667 0.4
		none  size=0  [1 1 1] 1  ->  error "size"`,
})

// lrnWindow returns how many channels before and after each one are summed.
func lrnWindow(n *graph.Node) (before, after int64, err error) {
	size := n.Attrs.Int("size", 0)
	if size < 1 || size > 1<<20 {
		return 0, 0, fmt.Errorf("size is %d, want a number of channels", size)
	}
	return (size - 1) / 2, size / 2, nil
}

type lrn struct{ alpha, beta, bias float64 }

func lrnFactors(n *graph.Node) lrn {
	a := n.Attrs
	alpha := float64(a.Float("alpha", 1e-4)) / float64(a.Int("size", 1))
	return lrn{alpha, float64(a.Float("beta", 0.75)), float64(a.Float("bias", 1))}
}
