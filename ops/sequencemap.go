package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// SequenceMap applies its body to every element of a sequence, with tensors and further sequences of the same length beside it.
// https://onnx.ai/onnx/operators/onnx__SequenceMap.html
var _ = define(Op{
	Name: "SequenceMap", Since: 17,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		out, body := make([]*graph.Type, len(c.Node.Out)), c.Node.Attrs.Graph("body")
		if c.Sub == nil || body == nil {
			return out, nil
		}
		in := make([]*graph.Type, len(c.In))
		for i, t := range c.In {
			if in[i] = t; t != nil && t.Kind == graph.SequenceKind {
				in[i] = t.Of
			}
		}
		types, err := c.Sub(body, in)
		for i := range min(len(out), len(types)) {
			if types[i] != nil {
				out[i] = sequenceOf(types[i])
			}
		}
		return out, err
	},
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
	Cases: `
		add body={a b -> y: y = Add(a, b)}  ([1] 1 [2] 2 3)  [] 10  ->  ([1] 11 [2] 12 13)`,
})
