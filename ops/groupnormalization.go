package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// GroupNormalization is (x - mean)/√(var + ε)·scale + bias with the moments of each of num_groups groups of channels of
// each image; scale and bias are by channel.
// https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
var _ = define(Op{
	Name: "GroupNormalization", Since: 21,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		for i := 1; i < 3; i++ {
			if err := checkVector(c, i); err != nil {
				return nil, err
			}
		}
		return sameAsFirst(c)
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) { return groupNorm(c, false) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		// The channels' number is that of scale's elements.
		column := b.Op("Unsqueeze", nil, n.In[1], b.Ints(1))
		channels := b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0), b.Op("Shape", nil, n.In[1]), b.Ints(-1))
		split := func(v *graph.Value) *graph.Value { return b.Op("Reshape", nil, v, channels) }
		groups := func(v *graph.Value) *graph.Value { return b.Reshape(v, 0, n.Attrs.Int("num_groups", 1), -1) }
		x, d, axes := groups(n.In[0]), split(dy[0]), b.Ints(2)
		h, inverse := standardise(b, x, axes, float64(n.Attrs.Float("epsilon", 1e-5)), true)
		dx := standardGrad(b, h, inverse, groups(b.Mul(d, column)), axes, true)
		return append(reshapeLikeInput(b, n, []*graph.Value{dx})[:1], channelSums(b, d, split(h))...)
	},
	Exact: Rounding,
	Cases: `
		pairs num_groups=1 epsilon=0.0  [1 2 2] 1 1 3 3  [2] 1 2  [2] 0 1  ->  [1 2 2] -1 -1 3 3
		each  num_groups=2 epsilon=0.0  [1 2 2] 1 3 5 -5  [2] 1 2  [2] 0 1  ->  [1 2 2] -1 1 3 -1
		odd   num_groups=2  [1 3 1] 1 2 3  [3] 1 1 1  [3] 0 0 0  ->  error "groups"`,
})

// Before opset 21 scale and bias are by group.
var _ = define(Op{
	Name: "GroupNormalization", Since: 18,
	Infer: sameAsFirst,
	Eval:  widened(func(c *Call) ([]*graph.Tensor, error) { return groupNorm(c, true) }),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		column := b.Op("Unsqueeze", nil, n.In[1], b.Ints(1))
		groups := func(v *graph.Value) *graph.Value { return b.Reshape(v, 0, n.Attrs.Int("num_groups", 1), -1) }
		x, d, axes := groups(n.In[0]), groups(dy[0]), b.Ints(2)
		h, inverse := standardise(b, x, axes, float64(n.Attrs.Float("epsilon", 1e-5)), true)
		dx := standardGrad(b, h, inverse, b.Mul(d, column), axes, true)
		return append(reshapeLikeInput(b, n, []*graph.Value{dx})[:1], channelSums(b, d, h)...)
	},
	Exact: Rounding,
	Cases: `
		pairs num_groups=1 epsilon=0.0  [1 2 2] 1 1 3 3  [1] 2  [1] 1  ->  [1 2 2] -1 -1 3 3`,
})

func groupNorm(c *Call, byGroup bool) ([]*graph.Tensor, error) {
	images, channels, inner, err := imageShape(c.In[0])
	if err != nil {
		return nil, err
	}
	groups := c.Node.Attrs.Int("num_groups", 0)
	if groups <= 0 || channels%groups != 0 {
		return nil, fmt.Errorf("%d channels do not make %d groups", channels, groups)
	}
	parts := channels
	if byGroup {
		parts = groups
	}
	scale, err := perChannel(c.Input(1), parts, "scale")
	if err != nil {
		return nil, err
	}
	bias, err := perChannel(c.Input(2), parts, "bias")
	if err != nil {
		return nil, err
	}
	size := channels / groups * inner
	h, _, _, err := standardised(c, c.In[0], int(size), float64(c.Node.Attrs.Float("epsilon", 1e-5)), true)
	if err != nil {
		return nil, err
	}
	y, err := scaled(c, withShape(h, []int64{images, parts, channels / parts * inner}), scale, bias)
	if err != nil {
		return nil, err
	}
	return []*graph.Tensor{withShape(y, c.In[0].Shape)}, nil
}
