package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// LayerNormalization is (x - mean)/√(var + ε)·scale + bias with the moments of all axes from the named one on. Its
// further outputs are these means and the reciprocal deviations, in the type that stash_type names.
// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
var _ = define(Op{
	Name: "LayerNormalization", Since: 17,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x := c.Type(0)
		stash := graph.DType(c.Node.Attrs.Int("stash_type", int64(graph.Float32)))
		stats := &graph.Type{DType: stash}
		if x.Rank() >= 0 {
			axis, err := axisOf(c.Node.Attrs.Int("axis", -1), x.Rank())
			if err != nil {
				return nil, err
			}
			stats.Shape = append([]graph.Dim{}, x.Shape...)
			for i := axis; i < len(stats.Shape); i++ {
				stats.Shape[i] = graph.D(1)
			}
		}
		return []*graph.Type{x.Clone(), stats, stats.Clone()}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		var mean, inverse []float64
		var stats []int64
		y, err := widened(func(c *Call) ([]*graph.Tensor, error) {
			x := c.In[0]
			axis, err := axisOf(c.Node.Attrs.Int("axis", -1), len(x.Shape))
			if err != nil {
				return nil, err
			}
			size, _ := graph.NumElements(x.Shape[axis:])
			stats = append([]int64{}, x.Shape...)
			for i := axis; i < len(stats); i++ {
				stats[i] = 1
			}
			if size == 0 {
				return nil, fmt.Errorf("the axes from %d on of %s are empty", axis, x)
			}
			var h *graph.Tensor
			h, mean, inverse, err = standardised(c, x, int(size), float64(c.Node.Attrs.Float("epsilon", 1e-5)), true)
			if err != nil {
				return nil, err
			}
			y, err := scaled(c, h, c.In[1], c.Input(2))
			return []*graph.Tensor{y}, err
		})(c)
		if err != nil {
			return nil, err
		}
		stash := graph.DType(c.Node.Attrs.Int("stash_type", int64(graph.Float32)))
		for _, s := range [][]float64{mean, inverse} {
			t, err := castTensor(graph.FromSlice(s, stats...), stash)
			if err != nil {
				return nil, err
			}
			y = append(y, t)
		}
		return y, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if dy[0] == nil || len(dy) > 1 && dy[1] != nil || len(dy) > 2 && dy[2] != nil {
			panic("ops: LayerNormalization has a gradient of its first output alone")
		}
		x, d := n.In[0], dy[0]
		axes := axesFrom(b, n, -1)
		h, inverse := standardise(b, x, axes, float64(n.Attrs.Float("epsilon", 1e-5)), true)
		dx := standardGrad(b, h, inverse, b.Mul(d, n.In[1]), axes, true)
		return []*graph.Value{dx, b.Mul(d, h), d}
	},
	Exact: Rounding,
	Cases: `
		last  epsilon=0.0  [2 2] 1 3 -5 5  [2] 1 2  [2] 0 1  ->  [2 2] -1 3 -1 3
		both  axis=0 epsilon=0.0  [2 2] 1 1 3 3  [2 2] 1 2 3 4  ->  [2 2] -1 -2 3 4  [1 1] 2  [1 1] 1
		wide  [1 2] 1 2  [2 2] 1 1 1 1  ->  error "broadcast"`,
})
