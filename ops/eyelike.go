package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// EyeLike is the matrix of the input's shape with ones on the k-th diagonal, in the type of dtype or of the input.
// https://onnx.ai/onnx/operators/onnx__EyeLike.html
var _ = define(Op{
	Name: "EyeLike", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil && c.Node.Attrs.Has("dtype") {
			t.DType = graph.DType(c.Node.Attrs.Int("dtype", 0))
		}
		if r := t.Rank(); r >= 0 && r != 2 {
			return nil, fmt.Errorf("got %s, want a matrix", c.Type(0))
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		if len(x.Shape) != 2 {
			return nil, fmt.Errorf("got %s, want a matrix", x)
		}
		k, rows, cols := c.Node.Attrs.Int("k", 0), x.Shape[0], x.Shape[1]
		eye := graph.NewTensor(graph.Bool, rows, cols)
		if k > -rows && k < cols {
			for i := max(0, -k); i < rows && i+k < cols; i++ {
				eye.Raw[i*cols+i+k] = 1
			}
		}
		y, err := castTensor(eye, graph.DType(c.Node.Attrs.Int("dtype", int64(x.DType))))
		return []*graph.Tensor{y}, err
	},
	NoGrad: "its input is a shape",
	Exact:  Bitwise,
	Cases: `
		square i32[2 2] 7 7 7 7  ->  i32[2 2] 1 0 0 1
		above  k=1 dtype=11  [2 3] 7*6  ->  f64[2 3] 0 1 0 0 0 1
		far    k=-9  [1 1] 7  ->  [1 1] 0`,
})
