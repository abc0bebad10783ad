package ops

import (
	"errors"

	"github.com/astronnx/astronnx/graph"
)

// ConcatFromSequence joins the elements of a sequence along an axis, a new one where new_axis is set.
// https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html
var _ = define(Op{
	Name: "ConcatFromSequence", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		return []*graph.Type{withoutShape(elementType(c.Type(0)))}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		s, err := elements(c.In[0])
		if err != nil || len(s) == 0 {
			return nil, errOr(err, "the sequence is empty")
		}
		axis := c.Node.Attrs.Int("axis", 0)
		if c.Node.Attrs.Bool("new_axis", false) {
			parts := make([]*graph.Tensor, len(s))
			for i, t := range s {
				shape, err := insertAxes(t.Shape, []int64{axis}, 1)
				if err != nil {
					return nil, err
				}
				parts[i] = withShape(t, shape)
			}
			s = parts
		}
		y, err := concat(c, s, axis)
		return []*graph.Tensor{y}, err
	},
	NoGrad: "sequences carry no gradient",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		join  axis=0  ([1] 1 [2] 2 3)  ->  [3] 1 2 3
		stack axis=0 new_axis=1  ([2] 1 2 [2] 3 4)  ->  [2 2] 1 2 3 4`,
})

func errOr(err error, text string) error {
	if err == nil {
		err = errors.New(text)
	}
	return err
}
