package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// SequenceMap applies its body to every element of a sequence, with tensors and further sequences of the same length beside it.
// https://onnx.ai/onnx/operators/onnx__SequenceMap.html
var _ = define(Op{
	Name: "SequenceMap", Since: 17,
	Infer: func(c *Inference) ([]*graph.Type, error) { return make([]*graph.Type, len(c.Node.Out)), nil },
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		first, err := elements(c.In[0])
		if err != nil {
			return nil, err
		}
		body := c.Node.Attrs.Graph("body")
		results := make([][]*graph.Tensor, len(c.Node.Out))
		for i := range first {
			args := make([]*graph.Tensor, len(c.In))
			for k, t := range c.In {
				args[k] = t
				if t.Kind == graph.SequenceKind {
					if len(t.Elems) != len(first) {
						return nil, fmt.Errorf("sequences of %d and %d elements", len(first), len(t.Elems))
					}
					args[k] = t.Elems[i]
				}
			}
			out, err := c.Sub(body, args)
			if err != nil {
				return nil, err
			}
			for k := range results {
				results[k] = append(results[k], out[k])
			}
		}
		out := make([]*graph.Tensor, len(results))
		for k, elems := range results {
			out[k] = graph.Sequence(elems...)
		}
		return out, nil
	},
	NoGrad: "sequences carry no gradient",
	Grow:   Fixed,
})
