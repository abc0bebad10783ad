package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// Det is the determinant of the matrices in the last two axes.
// https://onnx.ai/onnx/operators/onnx__Det.html
var _ = define(Op{
	Name: "Det", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		r := t.Rank()
		if r < 2 || t.Shape[r-1].Known() && t.Shape[r-2].Known() && t.Shape[r-1].Size != t.Shape[r-2].Size {
			return nil, fmt.Errorf("got %s, want square matrices", t)
		}
		t.Shape = t.Shape[:r-2]
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		r := len(x.Shape)
		if r < 2 || x.Shape[r-1] != x.Shape[r-2] {
			return nil, fmt.Errorf("got %s, want square matrices", x)
		}
		if !x.DType.IsFloat() {
			return nil, unsupported(c, x.DType)
		}
		all, err := float64sOf(x)
		if err != nil {
			return nil, err
		}
		n := int(x.Shape[r-1])
		count, _ := graph.NumElements(x.Shape[:r-2])
		dets := make([]float64, count)
		matrix := make([]float64, n*n)
		for i := range dets {
			if err := c.Err(); err != nil {
				return nil, err
			}
			copy(matrix, all[i*n*n:])
			dets[i] = determinant(matrix, n)
		}
		y, err := castTensor(graph.FromSlice(dets, x.Shape[:r-2]...), x.DType)
		return []*graph.Tensor{y}, err
	}),
	NoGrad: "the standard has no inverse of a matrix to write it with",
	Exact:  Rounding,
	Cases: `
		one    [2 2] 0 2 3 4  ->  [] -6
		stack  [2 2 2] 1 2 3 4 1 2 2 4  ->  [2] -2 0
		none   [1 0 0]  ->  [1] 1
		oblong [2 3] 1 2 3 4 5 6  ->  error "square"`,
})

// determinant eliminates a, n×n, in place by the largest pivots.
func determinant(a []float64, n int) float64 {
	det := 1.0
	for k := range n {
		pivot := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[pivot*n+k]) {
				pivot = i
			}
		}
		if a[pivot*n+k] == 0 {
			return 0
		}
		if pivot != k {
			det = -det
			for j := range n {
				a[k*n+j], a[pivot*n+j] = a[pivot*n+j], a[k*n+j]
			}
		}
		det *= a[k*n+k]
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / a[k*n+k]
			for j := k; j < n; j++ {
				a[i*n+j] -= f * a[k*n+j]
			}
		}
	}
	return det
}
