package ops

import "github.com/astronnx/astronnx/graph"

// SpaceToDepth moves blocks of space of a map (N, C, H, W) into channels, blocks before channels.
// https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html
var _ = define(Op{
	Name: "SpaceToDepth", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		return inferBlocks(c, func(ch, h, w, b int64) (int64, int64, int64) { return ch * b * b, h / b, w / b })
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, b := c.In[0], c.Node.Attrs.Int("blocksize", 0)
		if err := checkBlocks(x, b, 2); err != nil {
			return nil, err
		}
		n, ch, h, w := x.Shape[0], x.Shape[1], x.Shape[2]/b, x.Shape[3]/b
		y := regroup(c, x, []int64{n, ch, h, b, w, b}, []int{0, 3, 5, 1, 2, 4}, []int64{n, ch * b * b, h, w})
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("DepthToSpace", graph.Attrs{"blocksize": n.Attrs.Int("blocksize", 0)}, dy[0])}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		square blocksize=2  [1 1 2 2] 1 2 3 4  ->  [1 4 1 1] 1 2 3 4`,
})
