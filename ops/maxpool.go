package ops

import (
	"fmt"
	"maps"

	"github.com/astronnx/astronnx/graph"
)

// MaxPool is the largest element of each window; padding never is. The second output is the flat position of that element in the
// whole input. Of equal elements the first is taken; NaN is larger than all.
// https://onnx.ai/onnx/operators/onnx__MaxPool.html
var _ = define(Op{
	Name: "MaxPool", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		out, err := inferPool(c)
		if err != nil || len(c.Node.Out) < 2 || out[0] == nil {
			return out, err
		}
		index := out[0].Clone()
		index.DType = graph.Int64
		return append(out, index), nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalMaxPool[float32](c)
		case graph.Float64:
			return evalMaxPool[float64](c)
		case graph.Int8:
			return evalMaxPool[int8](c)
		case graph.Uint8:
			return evalMaxPool[uint8](c)
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if b.kernels() && explicitPads(n) == nil && n.In[0].Type != nil && n.In[0].Type.DType == graph.Float32 {
			attrs := maps.Clone(n.Attrs)
			delete(attrs, "auto_pad")
			delete(attrs, "storage_order")
			return b.Fused(1, "MaxPoolGrad", attrs, n.In[0], dy[0])
		}
		return []*graph.Value{maxPoolGrad(b, n.Attrs, n.In[0], dy[0])}
	},
	Exact: Bitwise,
	Cases: `
		pairs   kernel_shape=[2] strides=[2]  [1 1 4] 1 3 2 -1  ->  [1 1 2] 3 2
		overlap kernel_shape=[2]  [1 1 4] 1 3 2 -1  ->  [1 1 3] 3 3 2  i64[1 1 3] 1 1 2
		ceil    kernel_shape=[2] strides=[2] ceil_mode=1  [1 1 3] 1 3 -2  ->  [1 1 2] 3 -2
		plane   !fixed kernel_shape=[2,2] pads=[1,0,0,0]  [1 1 2 2] -1 -2 -3 -4  ->  [1 1 2 1] -1 -1
		ties    !kink kernel_shape=[3]  [1 2 3] 1 1 1 0 2 2  ->  [1 2 1] 1 2  i64[1 2 1] 0 4`,
})

func evalMaxPool[T Real](c *Call) ([]*graph.Tensor, error) {
	x := c.In[0]
	p, err := poolOf(c.Node, x)
	if err != nil {
		return nil, err
	}
	y := c.Output(x.DType, p.shape(x)...)
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	out := []*graph.Tensor{y}
	var index []int64
	if c.Wants(1) {
		t := c.Output(graph.Int64, y.Shape...)
		index, out = graph.Data[int64](t), append(out, t)
	}
	columnMajor := c.Node.Attrs.Int("storage_order", 0) != 0
	var empty error
	err = p.each(c, func(plane, q int, taps []int32) {
		best := -1
		for _, at := range taps {
			if at < 0 {
				continue
			}
			i := plane*p.plane + int(at)
			if best < 0 || xs[i] > xs[best] || xs[i] != xs[i] && xs[best] == xs[best] {
				best = i
			}
		}
		if best < 0 {
			empty = fmt.Errorf("window %d lies in the padding", q)
			return
		}
		ys[plane*p.positions+q] = xs[best]
		if index != nil {
			if columnMajor {
				best = plane*p.plane + transposedOffset(best%p.plane, p.in)
			}
			index[plane*p.positions+q] = int64(best)
		}
	})
	if err == nil {
		err = empty
	}
	return out, err
}

// transposedOffset turns a row-major offset into the one with the first axis running fastest.
func transposedOffset(offset int, shape []int64) int {
	strides := Strides(shape)
	out, step := 0, 1
	for i, s := range strides {
		out += offset / s * step
		offset %= s
		step *= int(shape[i])
	}
	return out
}
