package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// MatMul is the matrix product of the last two axes with NumPy's broadcasting of the others; a vector is a row on the
// left and a column on the right.
// https://onnx.ai/onnx/operators/onnx__MatMul.html
var _ = define(Op{
	Name: "MatMul", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		a, b := c.Type(0), c.Type(1)
		if a != nil && b != nil && a.DType != b.DType && a.DType != 0 && b.DType != 0 {
			return nil, fmt.Errorf("operands are %s and %s", a, b)
		}
		t, err := matMulType(a, b)
		return []*graph.Type{t}, err
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		a, b := c.In[0], c.In[1]
		if a.DType != b.DType {
			return nil, fmt.Errorf("operands are %s and %s", a, b)
		}
		y, err := matMul(c, a, b)
		return []*graph.Tensor{y}, err
	}),
	Grad:  matMulGrad,
	Exact: Rounding,
	Cases: `
		plain  [2 3] 1 2 3 4 5 6  [3 2] 1 0 0 1 2 -1  ->  [2 2] 7 -1 16 -1
		stacks [2 1 1 2] 1 2 3 4  [2 2 1] 1 1 2 -1  ->  [2 2 1 1] 3 0 7 2
		vector [2] 1 2  [2 3] 1 2 3 4 5 6  ->  [3] 9 12 15
		dot    [2] 1 2  [2] 3 4  ->  [] 11
		zero   [2 2] 0 1 0 0  [2 1] nan 2  ->  [2 1] nan nan
		layer  [2 1 2] 1 2 3 4  [2 1] 1 -1  ->  [2 1 1] -1 -1
		right  [2 1 2] 1 2 3 4  [2] 1 -1  ->  [2 1] -1 -1
		ints   i32[1 2] 3 4  i32[2 1] 5 -6  ->  i32[1 1] -9
		inner  [2 3] 1 2 3 4 5 6  [2 3] 1 2 3 4 5 6  ->  error "inner"`,
})

// matMulType infers the shape of a product, in the element type of a.
func matMulType(a, b *graph.Type) (*graph.Type, error) {
	t := withoutShape(a.Clone())
	if a.Rank() < 0 || b.Rank() < 0 {
		return t, nil
	}
	if a.Rank() == 0 || b.Rank() == 0 {
		return nil, fmt.Errorf("operands are %s and %s, want no scalars", a, b)
	}
	left, right := a.Shape, b.Shape
	if len(left) == 1 {
		left = []graph.Dim{graph.D(1), left[0]}
	}
	if len(right) == 1 {
		right = []graph.Dim{right[0], graph.D(1)}
	}
	k, l := left[len(left)-1], right[len(right)-2]
	if k.Known() && l.Known() && k.Size != l.Size {
		return nil, fmt.Errorf("the inner dimensions of %s and %s differ", a, b)
	}
	stack, err := broadcastDims(left[:len(left)-2], right[:len(right)-2])
	if err != nil {
		return nil, err
	}
	t.Shape = stack
	if a.Rank() > 1 {
		t.Shape = append(t.Shape, left[len(left)-2])
	}
	if b.Rank() > 1 {
		t.Shape = append(t.Shape, right[len(right)-1])
	}
	return t, nil
}

func matMul(c *Call, a, b *graph.Tensor) (*graph.Tensor, error) {
	switch a.DType {
	case graph.Float32:
		return matMulAs[float32](c, a, b)
	case graph.Float64:
		return matMulAs[float64](c, a, b)
	case graph.Int32:
		return matMulAs[int32](c, a, b)
	case graph.Int64:
		return matMulAs[int64](c, a, b)
	case graph.Uint32:
		return matMulAs[uint32](c, a, b)
	case graph.Uint64:
		return matMulAs[uint64](c, a, b)
	}
	return nil, unsupported(c, a.DType)
}

func matMulAs[T Real](c *Call, a, b *graph.Tensor) (*graph.Tensor, error) {
	if len(a.Shape) == 0 || len(b.Shape) == 0 {
		return nil, fmt.Errorf("operands are %s and %s, want no scalars", a, b)
	}
	left, right := a.Shape, b.Shape
	if len(left) == 1 {
		left = []int64{1, left[0]}
	}
	if len(right) == 1 {
		right = []int64{right[0], 1}
	}
	la, lb := len(left)-2, len(right)-2
	if left[la+1] != right[lb] {
		return nil, fmt.Errorf("the inner dimensions of %s and %s differ", a, b)
	}
	stack, err := BroadcastShape(left[:la], right[:lb])
	if err != nil {
		return nil, err
	}
	m, k, n := int(left[la]), int(left[la+1]), int(right[lb+1])
	y, err := outputOf(c, a.DType, append(append([]int64{}, stack...), left[la], right[lb+1]))
	if err != nil {
		return nil, err
	}
	as, bs, ys := graph.Data[T](a), graph.Data[T](b), graph.Data[T](y)
	if lb == 0 && la > 0 { // one matrix on the right serves all rows
		count := len(ys) / max(1, n)
		rows, out := matrix[T]{as, count, k, k, false}, matrix[T]{ys, count, n, n, false}
		err = addProduct(c, 1, rows, matrix[T]{bs, k, n, n, false}, out)
	} else {
		err = eachMatrix(c, stack, left, right, m*n*k, func(i, j, o int) error {
			return addProduct(c, 1, matrix[T]{as[i*m*k:], m, k, k, false}, matrix[T]{bs[j*k*n:], k, n, n, false},
				matrix[T]{ys[o*m*n:], m, n, n, false})
		})
	}
	if len(a.Shape) == 1 {
		y.Shape = append(y.Shape[:len(stack):len(stack)], y.Shape[len(stack)+1:]...)
	}
	if len(b.Shape) == 1 {
		y.Shape = y.Shape[:len(y.Shape)-1]
	}
	return y, err
}

// eachMatrix calls f with the numbers of the matrices of both operands and of the result that belong together, small
// ones on all cores.
func eachMatrix(c *Call, stack, left, right []int64, work int, f func(i, j, o int) error) error {
	var at [][2]int
	sides := [][]int{broadcastStrides(left[:len(left)-2], stack), broadcastStrides(right[:len(right)-2], stack)}
	eachRow(stack, sides, func(_ int, from, steps []int, n int) {
		for k := range n {
			at = append(at, [2]int{from[0] + k*steps[0], from[1] + k*steps[1]})
		}
	})
	grain := max(1, 1<<16/max(1, work))
	if work > 1<<24 {
		grain = len(at) // BLAS spreads each of them
	}
	return Parallel(c, len(at), grain, func(lo, hi int) error {
		for o := lo; o < hi; o++ {
			if err := f(at[o][0], at[o][1], o); err != nil {
				return err
			}
		}
		return nil
	})
}

// matMulGrad gives dA = dY·Bᵀ and dB = Aᵀ·dY. The walk sums over stacks that were broadcast; only where one matrix on
// the right serves many, its gradient is made as one product.
func matMulGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, w, d := n.In[0], n.In[1], dy[0]
	rx, rw := x.Type.Rank(), w.Type.Rank()
	if rx < 0 || rw < 0 {
		panic("ops: the gradient of MatMul needs the ranks of its inputs")
	}
	if rx == 2 && rw == 2 {
		return []*graph.Value{
			b.Op("Gemm", graph.Attrs{"transB": 1}, d, w),
			b.Op("Gemm", graph.Attrs{"transA": 1}, x, d),
		}
	}
	left, right := x, w
	if rx == 1 {
		left, d = b.Op("Unsqueeze", nil, x, b.Ints(0)), b.Op("Unsqueeze", nil, d, b.Ints(-1-int64(min(1, rw-1))))
	}
	if rw == 1 {
		right, d = b.Op("Unsqueeze", nil, w, b.Ints(1)), b.Op("Unsqueeze", nil, d, b.Ints(-1))
	}
	dx := b.Op("MatMul", nil, d, swapLast(b, right, max(2, rw)))
	var dw *graph.Value
	if rw <= 2 && rx > 2 {
		// -1 cannot stand for a dimension where another is 0.
		rows := func(v *graph.Value) *graph.Value { return b.Op("Flatten", graph.Attrs{"axis": -1}, v) }
		dw = b.Op("Gemm", graph.Attrs{"transA": 1}, rows(left), rows(d))
	} else {
		dw = b.Op("MatMul", nil, swapLast(b, left, max(2, rx)), d)
	}
	if rx == 1 {
		dx = dropAxis(b, dx, -2)
	}
	if rw == 1 {
		dw = dropAxis(b, dw, -1)
	}
	return []*graph.Value{dx, dw}
}

// swapLast transposes the last two of rank axes.
func swapLast(b *Builder, v *graph.Value, rank int) *graph.Value {
	perm := make([]int64, rank)
	for i := range perm {
		perm[i] = int64(i)
	}
	perm[rank-2], perm[rank-1] = perm[rank-1], perm[rank-2]
	return b.Transpose(v, perm...)
}

// dropAxis removes an axis of size 1.
func dropAxis(b *Builder, v *graph.Value, axis int64) *graph.Value {
	return b.Op("Squeeze", nil, v, b.Ints(axis))
}
