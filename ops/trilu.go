package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Trilu keeps the upper or the lower triangle of the matrices in the last two axes, from the k-th diagonal on, and
// zeros elsewhere.
// https://onnx.ai/onnx/operators/onnx__Trilu.html
var _ = define(Op{
	Name: "Trilu", Since: 14,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if r := c.Type(0).Rank(); r == 0 || r == 1 {
			return nil, fmt.Errorf("got %s, want matrices", c.Type(0))
		}
		return sameAsFirst(c)
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		r := len(x.Shape)
		if r < 2 {
			return nil, fmt.Errorf("got %s, want matrices", x)
		}
		k := int64(0)
		if t := c.Input(1); t != nil {
			v, err := int64s(t)
			if err != nil || len(v) != 1 {
				return nil, fmt.Errorf("k is %s, want one int64", t)
			}
			k = v[0]
		}
		rows, cols := x.Shape[r-2], x.Shape[r-1]
		upper := c.Node.Attrs.Bool("upper", true)
		k = max(-rows, min(k, cols))
		y := c.Output(x.DType, x.Shape...)
		count, _ := graph.NumElements(x.Shape[:r-1])
		for row := range count {
			// Column j of row i is in the upper triangle if j ≥ i + k.
			i := row % max(1, rows)
			lo, hi := max(0, min(i+k, cols)), cols
			if !upper {
				lo, hi = 0, max(0, min(i+k+1, cols))
			}
			copyElements(y, int(row*cols+lo), x, int(row*cols+lo), int(hi-lo))
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Trilu", n.Attrs, dy[0], n.Input(1)), nil}
	},
	Exact: Bitwise,
	Cases: `
		upper [2 3] 1 2 3 4 5 6  ->  [2 3] 1 2 3 0 5 6
		lower upper=0  [2 3] 1 2 3 4 5 6  i64[] -1  ->  [2 3] 0 0 0 4 0 0
		far   i64[1 2] 1 2  i64[] 9  ->  i64[1 2] 0 0`,
})
