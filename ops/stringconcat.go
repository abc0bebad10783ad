package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// StringConcat joins strings element by element, with broadcasting.
// https://onnx.ai/onnx/operators/onnx__StringConcat.html
var _ = define(Op{
	Name: "StringConcat", Since: 20,
	Infer: broadcastType,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		a, b := c.In[0], c.In[1]
		if a.DType != graph.String || b.DType != graph.String {
			return nil, fmt.Errorf("operands are %s and %s, want strings", a, b)
		}
		shape, err := BroadcastShape(a.Shape, b.Shape)
		if err != nil {
			return nil, err
		}
		y := c.Output(graph.String, shape...)
		strides := [][]int{broadcastStrides(a.Shape, shape), broadcastStrides(b.Shape, shape)}
		eachRow(shape, strides, func(out int, at, steps []int, n int) {
			for k := range n {
				y.Strings[out+k] = a.Strings[at[0]+k*steps[0]] + b.Strings[at[1]+k*steps[1]]
			}
		})
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "strings",
	Exact:  Bitwise,
	Cases: `
		words str[2] "gal" "q"  str[2] "axy" "so"  ->  str[2] "galaxy" "qso"
		mixed str[2 1] "a" "b"  str[2] "" "é"  ->  str[2 2] "a" "aé" "b" "bé"
		types str[1] "a"  [1] 1  ->  error`,
})
