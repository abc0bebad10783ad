package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// LpPool is the p-norm of each window; padding is zeros.
// https://onnx.ai/onnx/operators/onnx__LpPool.html
var _ = define(Op{
	Name: "LpPool", Since: 2,
	Infer: inferPool,
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalLpPool[float32](c)
		case graph.Float64:
			return evalLpPool[float64](c)
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, p := n.In[0], float64(n.Attrs.Int("p", 2))
		s := sweepOf(b, n, nil, spatialSizes(b, x), spatialSizes(b, dy[0]))
		return []*graph.Value{b.Mul(powerSlope(b, x, p), s.sumGrad(b, overPower(b, dy[0], n.Out[0], p), x))}
	},
	Exact: Rounding,
	Cases: `
		pairs   kernel_shape=[2] strides=[2]  [1 1 4] 3 4 -6 8  ->  [1 1 2] 5 10
		overlap kernel_shape=[2] pads=[1,0] p=1  [1 1 3] 3 -4 1  ->  [1 1 3] 3 7 5
		cubes   kernel_shape=[1,2] p=3  [1 2 1 2] 3 -4 0.5 1  ->  [1 2 1 1] 4.497941445275415 1.040041911525952
		order   kernel_shape=[2] p=0  [1 1 3] 3 -4 1  ->  error "p is 0"`,
})

func evalLpPool[T float32 | float64](c *Call) ([]*graph.Tensor, error) {
	x, p := c.In[0], float64(c.Node.Attrs.Int("p", 2))
	if p < 1 {
		return nil, fmt.Errorf("p is %g, want it positive", p)
	}
	pool, err := poolOf(c.Node, x)
	if err != nil {
		return nil, err
	}
	y := c.Output(x.DType, pool.shape(x)...)
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	err = pool.each(c, func(plane, q int, taps []int32) {
		sum := 0.0
		for _, at := range taps {
			if at >= 0 {
				sum += math.Pow(math.Abs(float64(xs[plane*pool.plane+int(at)])), p)
			}
		}
		ys[plane*pool.positions+q] = T(math.Pow(sum, 1/p))
	})
	return []*graph.Tensor{y}, err
}
