package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// RMSNormalization is x/√(mean(x²) + ε)·scale with the mean over all axes from the named one on, in the element type
// of scale.
// https://onnx.ai/onnx/operators/onnx__RMSNormalization.html
var _ = define(Op{
	Name: "RMSNormalization", Since: 23,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		types, err := sameOverAxis(-1)(c)
		if scale := c.Type(1); err == nil && types[0] != nil && scale != nil {
			types[0].DType = scale.DType
		}
		return types, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		stored, wide := c.In[1].DType, graph.Float32
		if stored == graph.Float64 || c.In[0].DType == graph.Float64 {
			wide = graph.Float64
		}
		x, err := castTensor(c.In[0], wide)
		if err != nil || !c.In[0].DType.IsFloat() || !stored.IsFloat() {
			return nil, unsupported(c, c.In[0].DType)
		}
		scale, err := castTensor(c.In[1], wide)
		if err != nil {
			return nil, err
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), len(x.Shape))
		if err != nil {
			return nil, err
		}
		size, _ := graph.NumElements(x.Shape[axis:])
		if size == 0 {
			return nil, fmt.Errorf("the axes from %d on of %s are empty", axis, x)
		}
		h, _, _, err := standardised(c, x, int(size), float64(c.Node.Attrs.Float("epsilon", 1e-5)), false)
		if err != nil {
			return nil, err
		}
		y, err := scaled(c, h, scale, nil)
		if err != nil {
			return nil, err
		}
		y, err = castTensor(y, stored)
		return []*graph.Tensor{y}, err
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, axes := n.In[0], axesFrom(b, n, -1)
		if dy[0].Type != nil && x.Type.DType.Bits() < dy[0].Type.DType.Bits() {
			x = b.CastLike(x, dy[0])
		}
		h, inverse := standardise(b, x, axes, float64(n.Attrs.Float("epsilon", 1e-5)), false)
		dx := standardGrad(b, h, inverse, b.CastLike(b.Mul(dy[0], n.In[1]), x), axes, false)
		return []*graph.Value{b.CastLike(dx, n.In[0]), b.Mul(dy[0], b.CastLike(h, dy[0]))}
	},
	Exact: Rounding,
	Cases: `
		last epsilon=0.0  [2 2] 1 7 -3 3  [2] 1 2  ->  [2 2] 0.2 2.8 -1 2
		mixed epsilon=0.0  f16[1 2] 1 7  [2] 1 2  ->  [1 2] 0.2 2.8
		all  axis=0  [2 1] 3 4  [1] 1  ->  [2 1] 0.8485278 1.1313704`,
})
