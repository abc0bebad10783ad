package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// ReverseSequence turns round the first sequence_lens[b] steps of every batch entry b.
// https://onnx.ai/onnx/operators/onnx__ReverseSequence.html
var _ = define(Op{
	Name: "ReverseSequence", Since: 10,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		lens, err := int64s(c.In[1])
		if err != nil {
			return nil, err
		}
		batch, time := c.Node.Attrs.Int("batch_axis", 1), c.Node.Attrs.Int("time_axis", 0)
		if len(x.Shape) < 2 || batch+time != 1 || batch*time != 0 {
			return nil, fmt.Errorf("batch axis %d and time axis %d of %s, want 0 and 1", batch, time, x)
		}
		if int64(len(lens)) != x.Shape[batch] {
			return nil, fmt.Errorf("%d lengths for a batch of %d", len(lens), x.Shape[batch])
		}
		inner, _ := graph.NumElements(x.Shape[2:])
		strides := Strides(x.Shape)
		y := startFrom(c, x)
		for b, n := range lens {
			if n < 0 || n > x.Shape[time] {
				return nil, fmt.Errorf("length %d of %d steps", n, x.Shape[time])
			}
			for t := range int(n) {
				to, from := b*strides[batch]+t*strides[time], b*strides[batch]+(int(n)-1-t)*strides[time]
				if x.DType.Bits()%8 != 0 {
					return nil, unsupported(c, x.DType)
				}
				copyElements(y, to, x, from, int(inner))
			}
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("ReverseSequence", n.Attrs, dy[0], n.In[1]), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rows batch_axis=0 time_axis=1  [2 3] 1 2 3 4 5 6  i64[2] 2 3  ->  [2 3] 2 1 3 6 5 4`,
})
