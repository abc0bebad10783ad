package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// splitHeads returns x as (N, heads, length, size): x itself if it has four axes, else (N, length, heads·size) cut up.
func splitHeads(x *graph.Tensor, heads int64) (*graph.Tensor, error) {
	if len(x.Shape) == 4 {
		return x, nil
	}
	if len(x.Shape) != 3 || heads <= 0 || x.Shape[2]%heads != 0 {
		return nil, fmt.Errorf("%s does not make %d heads", x, heads)
	}
	cut := withShape(x, []int64{x.Shape[0], x.Shape[1], heads, x.Shape[2] / heads})
	return swapAxes(cut, 1, 2), nil
}

// joinHeads is the inverse of splitHeads on three axes.
func joinHeads(x *graph.Tensor) *graph.Tensor {
	y := swapAxes(x, 1, 2)
	return withShape(y, []int64{y.Shape[0], y.Shape[1], y.Shape[2] * y.Shape[3]})
}

// swapAxes copies x with two axes exchanged.
func swapAxes(x *graph.Tensor, i, j int) *graph.Tensor {
	shape, strides := append([]int64{}, x.Shape...), Strides(x.Shape)
	shape[i], shape[j] = shape[j], shape[i]
	strides[i], strides[j] = strides[j], strides[i]
	y := graph.NewTensor(x.DType, shape...)
	gatherStrided(y, x, strides, 0)
	return y
}

// headProduct multiplies the matrices a (N, Ha, m, k) and b (N, Hb, k, n), where each head of b serves Ha/Hb
// consecutive ones of a.
func headProduct(c *Call, a, b *graph.Tensor) (*graph.Tensor, error) {
	s, t := a.Shape, b.Shape
	if t[1] == 0 || s[1]%t[1] != 0 || s[0] != t[0] {
		return nil, fmt.Errorf("%s and %s: the heads of the first are no multiple of those of the second", a, b)
	}
	groups := withShape(a, []int64{s[0], t[1], s[1] / t[1], s[2], s[3]})
	y, err := matMul(c, groups, withShape(b, []int64{t[0], t[1], 1, t[2], t[3]}))
	if err != nil {
		return nil, err
	}
	return withShape(y, []int64{s[0], s[1], s[2], t[3]}), nil
}

// headScores is scale·q·kᵀ, with a scale of 0 for 1/√size.
func headScores(c *Call, q, k *graph.Tensor, scale float64) (*graph.Tensor, error) {
	if len(q.Shape) != 4 || len(k.Shape) != 4 || q.Shape[3] != k.Shape[3] || q.DType != k.DType {
		return nil, fmt.Errorf("queries %s and keys %s, want (N, heads, length, size) of one size", q, k)
	}
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(q.Shape[3]))
	}
	inner := *c
	inner.New, inner.Spent, inner.In = nil, nil, []*graph.Tensor{q}
	scaledQ, err := eachFloat(func(x float64) float64 { return x * scale })(&inner)
	if err != nil {
		return nil, err
	}
	return headProduct(&inner, scaledQ[0], swapAxes(k, 2, 3))
}

// splitHeadsOf is splitHeads as nodes.
func splitHeadsOf(b *Builder, x *graph.Value, heads int64) *graph.Value {
	return b.Transpose(b.Reshape(x, 0, 0, heads, -1), 0, 2, 1, 3)
}

// joinHeadsOf is joinHeads as nodes.
func joinHeadsOf(b *Builder, x *graph.Value) *graph.Value {
	return b.Reshape(b.Transpose(x, 0, 2, 1, 3), 0, 0, -1)
}

// repeatHeads makes the heads of x (N, H, ...) as many as those of q: each is repeated in place.
func repeatHeads(b *Builder, x, q *graph.Value) *graph.Value {
	size := func(v *graph.Value, from, to int64) *graph.Value {
		return b.Op("Shape", graph.Attrs{"start": from, "end": to}, v)
	}
	join := func(parts ...*graph.Value) *graph.Value { return b.Op("Concat", graph.Attrs{"axis": 0}, parts...) }
	times := b.Div(size(q, 1, 2), size(x, 1, 2))
	wide := b.Op("Expand", nil, b.Op("Unsqueeze", nil, x, b.Ints(2)), join(size(x, 0, 2), times, size(x, 2, 4)))
	return b.Op("Reshape", nil, wide, join(size(x, 0, 1), size(q, 1, 2), size(x, 2, 4)))
}

// headScoresOf is headScores as nodes.
func headScoresOf(b *Builder, q, k *graph.Value, scale float64) *graph.Value {
	if scale == 0 {
		size := b.Op("Gather", nil, b.Op("Shape", nil, q), b.Int(3))
		root := b.Op("Sqrt", nil, b.CastLike(size, q))
		q = b.Div(q, root)
	} else {
		q = b.Mul(q, b.Like(q, scale))
	}
	return b.Op("MatMul", nil, q, b.Transpose(k, 0, 1, 3, 2))
}
