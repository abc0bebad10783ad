package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Div is a / b with broadcasting. Integers are divided towards zero, and not by zero.
// https://onnx.ai/onnx/operators/onnx__Div.html
var _ = define(Op{
	Name: "Div", Since: 7,
	Infer: broadcastType,
	Eval: nonzeroDivisor(pairs{
		Float: func(a, b float64) float64 { return a / b },
		Int:   func(a, b int64) int64 { return a / b },
		Uint:  func(a, b uint64) uint64 { return a / b },
	}.eval()),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		da := b.Op("Div", nil, dy[0], n.In[1])
		return []*graph.Value{da, b.Op("Neg", nil, b.Op("Mul", nil, da, n.Out[0]))}
	},
	Cases: `
		floats [2] 1 -3  [2] 2 4  ->  [2] 0.5 -0.75
		ints   i32[3] 7 -7 1  i32[3] 2 2 5  ->  i32[3] 3 -3 0
		zero   i32[2] 7 1  i32[2] 2 0  ->  error "zero"`,
})

// nonzeroDivisor refuses integer divisors that are 0.
func nonzeroDivisor(eval func(*Call) ([]*graph.Tensor, error)) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) {
		b := c.In[1]
		if b.DType.IsInt() {
			get, err := intReader(b)
			if err != nil {
				return nil, err
			}
			for i := range int(b.Len()) {
				if get(i) == 0 {
					return nil, fmt.Errorf("integer division by zero: element %d of the divisor", i)
				}
			}
		}
		return eval(c)
	}
}
