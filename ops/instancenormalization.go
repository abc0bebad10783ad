package ops

import "github.com/astronnx/astronnx/graph"

// InstanceNormalization is (x - mean)/√(var + ε)·scale + bias with the moments of each channel of each image.
// https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html
var _ = define(Op{
	Name: "InstanceNormalization", Since: 6,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		for i := 1; i < 3; i++ {
			if err := checkVector(c, i); err != nil {
				return nil, err
			}
		}
		return sameAsFirst(c)
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		images, channels, inner, err := imageShape(c.In[0])
		if err != nil {
			return nil, err
		}
		scale, err := perChannel(c.Input(1), channels, "scale")
		if err != nil {
			return nil, err
		}
		bias, err := perChannel(c.Input(2), channels, "bias")
		if err != nil {
			return nil, err
		}
		x := withShape(c.In[0], []int64{images, channels, inner})
		h, _, _, err := standardised(c, x, int(inner), float64(c.Node.Attrs.Float("epsilon", 1e-5)), true)
		if err != nil {
			return nil, err
		}
		y, err := scaled(c, h, scale, bias)
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{withShape(y, c.In[0].Shape)}, nil
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		rows := func(v *graph.Value) *graph.Value { return b.Reshape(v, 0, 0, -1) }
		column := func(v *graph.Value) *graph.Value { return b.Reshape(v, -1, 1) }
		x, d, axes := rows(n.In[0]), rows(dy[0]), b.Ints(2)
		h, inverse := standardise(b, x, axes, float64(n.Attrs.Float("epsilon", 1e-5)), true)
		dx := standardGrad(b, h, inverse, b.Mul(d, column(n.In[1])), axes, true)
		return append(reshapeLikeInput(b, n, []*graph.Value{dx})[:1], channelSums(b, d, h)...)
	},
	Exact: Rounding,
	Cases: `
		two epsilon=0.0  [1 2 2] 1 3 5 -5  [2] 1 2  [2] 0 1  ->  [1 2 2] -1 1 3 -1`,
})

// channelSums are the gradients of scale and bias, vectors, from those of the result and the standardised input, both
// (N, C, L).
func channelSums(b *Builder, d, h *graph.Value) []*graph.Value {
	sum := func(v *graph.Value) *graph.Value {
		return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, v, b.Ints(0, 2))
	}
	return []*graph.Value{sum(b.Mul(d, h)), sum(d)}
}
