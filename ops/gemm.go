package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Gemm is alpha·A'·B' + beta·C, where A' and B' are matrices that transA and transB transpose and C broadcasts to the
// result; C may be absent.
// https://onnx.ai/onnx/operators/onnx__Gemm.html
var _ = define(Op{
	Name: "Gemm", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		a, b := c.Type(0).Clone(), c.Type(1).Clone()
		for i, t := range []*graph.Type{a, b} {
			name := [...]string{"transA", "transB"}[i]
			if t.Rank() >= 0 && t.Rank() != 2 {
				return nil, fmt.Errorf("input %d is %s, want a matrix", i, t)
			}
			if t.Rank() == 2 && c.Node.Attrs.Bool(name, false) {
				t.Shape[0], t.Shape[1] = t.Shape[1], t.Shape[0]
			}
		}
		t, err := matMulType(a, b)
		if err != nil || t.Rank() < 0 || c.Type(2).Rank() < 0 {
			return []*graph.Type{t}, err
		}
		shape, err := broadcastDims(t.Shape, c.Type(2).Shape)
		if err != nil {
			return nil, fmt.Errorf("addend: %w", err)
		}
		for i, d := range t.Shape {
			if len(shape) != 2 || d.Known() && shape[i].Size != d.Size {
				return nil, fmt.Errorf("the addend is %s, the product %s", c.Type(2), t)
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		var y *graph.Tensor
		var err error
		switch c.In[0].DType {
		case graph.Float32:
			y, err = gemmAs[float32](c)
		case graph.Float64:
			y, err = gemmAs[float64](c)
		case graph.Int32:
			y, err = gemmAs[int32](c)
		case graph.Int64:
			y, err = gemmAs[int64](c)
		case graph.Uint32:
			y, err = gemmAs[uint32](c)
		case graph.Uint64:
			y, err = gemmAs[uint64](c)
		default:
			err = unsupported(c, c.In[0].DType)
		}
		return []*graph.Tensor{y}, err
	}),
	Grad:  gemmGrad,
	Exact: Rounding,
	Cases: `
		plain [1 2] 1 2  [2 3] 1 2 3 4 5 6  [3] 1 1 0  ->  [1 3] 10 13 15
		turn  transA=1 transB=1 alpha=0.5 beta=2.0  [2 2] 1 2 3 4  [3 2] 1 0 0 1 1 1  [2 1] 1 -1  ->  [2 3] 2.5 3.5 4 -1 0 1
		left  transA=1  [2 1] 1 2  [2 2] 1 2 3 4  ->  [1 2] 7 10
		right transB=1 alpha=2.0  [1 2] 1 2  [2 2] 1 2 3 4  ->  [1 2] 10 22
		wide  [1 1] 1  [1 1] 1  [2 1] 1 1  ->  error "addend"`,
})

func gemmAs[T Real](c *Call) (*graph.Tensor, error) {
	a, err := gemmOperand[T](c, 0, "transA")
	if err != nil {
		return nil, err
	}
	b, err := gemmOperand[T](c, 1, "transB")
	if err != nil {
		return nil, err
	}
	m, k := a.dims()
	l, n := b.dims()
	if k != l {
		return nil, fmt.Errorf("the inner dimensions of %d×%d and %d×%d differ", m, k, l, n)
	}
	y, err := outputOf(c, c.In[0].DType, []int64{int64(m), int64(n)})
	if err != nil {
		return nil, err
	}
	ys := graph.Data[T](y)
	if bias := c.Input(2); bias != nil {
		shape, err := BroadcastShape(y.Shape, bias.Shape)
		if err != nil || len(shape) != 2 || shape[0] != y.Shape[0] || shape[1] != y.Shape[1] || bias.DType != y.DType {
			return nil, fmt.Errorf("the addend is %s, the product %s", bias, y)
		}
		gatherStrided(y, bias, broadcastStrides(bias.Shape, y.Shape), 0)
		if beta := c.Node.Attrs.Float("beta", 1); beta != 1 {
			for i, v := range ys {
				ys[i] = T(float64(beta) * float64(v))
			}
		}
	}
	alpha := c.Node.Attrs.Float("alpha", 1)
	out := matrix[T]{ys, m, n, n, false}
	if alpha == float32(T(alpha)) {
		return y, addProduct(c, T(alpha), a, b, out)
	}
	// Integers scaled by a fraction.
	sums := matrix[T]{make([]T, m*n), m, n, n, false}
	if err := addProduct(c, 1, a, b, sums); err != nil {
		return nil, err
	}
	for i, v := range sums.Data {
		ys[i] += T(float64(alpha) * float64(v))
	}
	return y, nil
}

func gemmOperand[T Real](c *Call, i int, trans string) (matrix[T], error) {
	t := c.In[i]
	if len(t.Shape) != 2 || t.DType != c.In[0].DType {
		return matrix[T]{}, fmt.Errorf("input %d is %s, want a matrix of %s", i, t, c.In[0].DType)
	}
	rows, cols := int(t.Shape[0]), int(t.Shape[1])
	return matrix[T]{graph.Data[T](t), rows, cols, cols, c.Node.Attrs.Bool(trans, false)}, nil
}

func gemmGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, w, d := n.In[0], n.In[1], dy[0]
	ta, tb := n.Attrs.Bool("transA", false), n.Attrs.Bool("transB", false)
	alpha, beta := n.Attrs.Float("alpha", 1), n.Attrs.Float("beta", 1)
	gemm := func(p, q *graph.Value, tp, tq bool) *graph.Value {
		return b.Op("Gemm", graph.Attrs{"transA": tp, "transB": tq, "alpha": alpha}, p, q)
	}
	grads := []*graph.Value{nil, nil, nil}
	if ta {
		grads[0] = gemm(w, d, tb, true)
	} else {
		grads[0] = gemm(d, w, false, !tb)
	}
	if tb {
		grads[1] = gemm(d, x, true, ta)
	} else {
		grads[1] = gemm(x, d, !ta, false)
	}
	if n.Input(2) != nil {
		grads[2] = d
		if beta != 1 {
			grads[2] = b.Mul(d, b.Like(d, float64(beta)))
		}
	}
	return grads
}
