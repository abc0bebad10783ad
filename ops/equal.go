package ops

import "github.com/astronnx/astronnx/graph"

// Equal is a = b with broadcasting, of any type; NaN equals nothing.
// https://onnx.ai/onnx/operators/onnx__Equal.html
var _ = define(Op{
	Name: "Equal", Since: 7,
	Infer: truthType,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		a, b := c.In[0], c.In[1]
		switch {
		case a.DType == graph.Bool && b.DType == graph.Bool:
			return logic(func(a, b bool) bool { return a == b })(c)
		case a.DType == graph.String && b.DType == graph.String:
			shape, err := BroadcastShape(a.Shape, b.Shape)
			if err != nil {
				return nil, err
			}
			y := c.Output(graph.Bool, shape...)
			ys := graph.Data[bool](y)
			eachRow(shape, [][]int{broadcastStrides(a.Shape, shape), broadcastStrides(b.Shape, shape)},
				func(out int, at, steps []int, n int) {
					for k := range n {
						ys[out+k] = a.Strings[at[0]+k*steps[0]] == b.Strings[at[1]+k*steps[1]]
					}
				})
			return []*graph.Tensor{y}, nil
		}
		return compare(
			func(a, b float64) bool { return a == b },
			func(a, b int64) bool { return a == b },
			func(a, b uint64) bool { return a == b },
		)(c)
	},
	NoGrad: "its values are logical",
	Cases: `
		floats [3] 1 2 nan  [3] 1 3 nan  ->  bool[3] 1 0 0
		words  str[2] "a" "b"  str[1] "b"  ->  bool[2] 0 1`,
})
