package ops

import "github.com/astronnx/astronnx/graph"

// Where selects from x where cond holds, else from y, with broadcasting; any element type. What is not selected is never computed
// with, so NaN does not leak.
// https://onnx.ai/onnx/operators/onnx__Where.html
var _ = define(Op{
	Name: "Where", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		cond, x := c.Type(0).Clone(), c.Type(1)
		if cond == nil || x == nil {
			return nil, nil
		}
		cond.DType = x.DType
		t, err := broadcastAll([]*graph.Type{cond, x, c.Type(2)})
		return []*graph.Type{t}, err
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		cond, x, y := c.In[0], c.In[1], c.In[2]
		if x.DType != y.DType || cond.DType != graph.Bool {
			return nil, unsupported(c, y.DType)
		}
		shape, err := BroadcastShape(cond.Shape, x.Shape, y.Shape)
		if err != nil {
			return nil, err
		}
		z := c.Output(x.DType, shape...)
		switch {
		case x.DType == graph.String:
			selectCells(z.Strings, cond, x.Strings, y.Strings, x, y, shape)
		case x.DType.Bits() == 8:
			selectCells(z.Raw, cond, x.Raw, y.Raw, x, y, shape)
		case x.DType.Bits() == 16:
			selectCells(cells[uint16](z), cond, cells[uint16](x), cells[uint16](y), x, y, shape)
		case x.DType.Bits() == 32:
			selectCells(cells[uint32](z), cond, cells[uint32](x), cells[uint32](y), x, y, shape)
		case x.DType.Bits() == 64:
			selectCells(cells[uint64](z), cond, cells[uint64](x), cells[uint64](y), x, y, shape)
		case x.DType.Bits() == 128:
			selectCells(cells[complex128](z), cond, cells[complex128](x), cells[complex128](y), x, y, shape)
		default:
			return nil, unsupported(c, x.DType)
		}
		return []*graph.Tensor{z}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		zero := b.Like(dy[0], 0)
		return []*graph.Value{nil, b.Where(n.In[0], dy[0], zero), b.Where(n.In[0], zero, dy[0])}
	},
	Exact: Bitwise,
	Cases: `
		mixed bool[2 1] 1 0  [2] 1 2  [] 9  ->  [2 2] 1 2 9 9
		nan   bool[2] 0 1  [2] nan 2  [2] 3 nan  ->  [2] 3 2`,
})

func selectCells[T any](z []T, cond *graph.Tensor, xs, ys []T, x, y *graph.Tensor, shape []int64) {
	cs := graph.Data[bool](cond)
	strides := [][]int{broadcastStrides(cond.Shape, shape), broadcastStrides(x.Shape, shape), broadcastStrides(y.Shape, shape)}
	eachRow(shape, strides, func(out int, at, steps []int, n int) {
		for k := range n {
			if cs[at[0]+k*steps[0]] {
				z[out+k] = xs[at[1]+k*steps[1]]
			} else {
				z[out+k] = ys[at[2]+k*steps[2]]
			}
		}
	})
}
