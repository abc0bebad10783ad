package ops

import "github.com/astronnx/astronnx/graph"

// NonZero returns the positions of elements that are not 0, in row-major order: one column each, of as many indices as
// x has axes.
// https://onnx.ai/onnx/operators/onnx__NonZero.html
var _ = define(Op{
	Name: "NonZero", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := &graph.Type{DType: graph.Int64}
		if rank := c.Type(0).Rank(); rank >= 0 {
			t.Shape = []graph.Dim{graph.D(int64(rank)), graph.Sym("")}
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		truth, err := castTensor(x, graph.Bool)
		if err != nil {
			return nil, err
		}
		var at []int64
		for i, hit := range graph.Data[bool](truth) {
			if hit {
				at = append(at, int64(i))
			}
		}
		rank, n := len(x.Shape), len(at)
		y, err := outputOf(c, graph.Int64, []int64{int64(rank), int64(n)})
		if err != nil {
			return nil, err
		}
		index := graph.Data[int64](y)
		for axis := rank - 1; axis >= 0; axis-- {
			for k, i := range at {
				index[axis*n+k] = i % x.Shape[axis]
				at[k] = i / x.Shape[axis]
			}
		}
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "its values are indices",
	Exact:  Bitwise,
	Cases: `
		some  [2 2] 1 0 nan -3  ->  i64[2 3] 0 1 1 0 0 1
		truth bool[3] 0 1 1  ->  i64[1 2] 1 2
		none  i32[2] 0 0  ->  i64[1 0]`,
})
