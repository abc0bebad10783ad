package ops

import "github.com/astronnx/astronnx/graph"

// Shape is the shape of its input, from start to end (opset 15), which are limited to the rank.
// https://onnx.ai/onnx/operators/onnx__Shape.html
var _ = define(Op{
	Name: "Shape", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		rank := c.Type(0).Rank()
		if rank < 0 {
			return []*graph.Type{graph.TensorType(graph.Int64, graph.Sym(""))}, nil
		}
		from, to := shapeRange(c.Node, rank)
		return []*graph.Type{graph.TensorType(graph.Int64, graph.D(int64(to-from)))}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		from, to := shapeRange(c.Node, len(c.In[0].Shape))
		y := c.Output(graph.Int64, int64(to-from))
		copy(graph.Data[int64](y), c.In[0].Shape[from:to])
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "it does not depend on the elements",
	Exact:  Bitwise,
	Cases: `
		whole  [2 3] 1 2 3 4 5 6  ->  i64[2] 2 3
		part   start=1 end=-1  [1 3 1] 1 2 3  ->  i64[1] 3
		beyond start=-9 end=9  [2] 1 2  ->  i64[1] 2`,
})

func shapeRange(n *graph.Node, rank int) (from, to int) {
	limit := func(axis int64) int {
		if axis < 0 {
			axis += int64(rank)
		}
		return int(max(0, min(axis, int64(rank))))
	}
	from, to = limit(n.Attrs.Int("start", 0)), limit(n.Attrs.Int("end", int64(rank)))
	return from, max(from, to)
}
