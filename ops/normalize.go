package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// standardised divides each row of x by its standard deviation, or, unless centred, by its root mean square: it returns
// the result, of x's shape, and the rows' means (0 unless centred) and reciprocal deviations.
func standardised(c *Call, x *graph.Tensor, size int, epsilon float64, centred bool) (
	y *graph.Tensor, mean, inverse []float64, err error,
) {
	rows := 0
	if size > 0 {
		rows = int(x.Len()) / size
	}
	mean, inverse = make([]float64, rows), make([]float64, rows)
	y = c.Output(x.DType, x.Shape...)
	switch x.DType {
	case graph.Float32:
		err = standardiseAs[float32](c, y, x, size, epsilon, centred, mean, inverse)
	case graph.Float64:
		err = standardiseAs[float64](c, y, x, size, epsilon, centred, mean, inverse)
	default:
		err = unsupported(c, x.DType)
	}
	return y, mean, inverse, err
}

func standardiseAs[T float32 | float64](
	c *Call, y, x *graph.Tensor, size int, epsilon float64, centred bool, mean, inverse []float64,
) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	return Parallel(c, len(mean), 1+1<<14/max(1, size), func(lo, hi int) error {
		for r := lo; r < hi; r++ {
			row, out := xs[r*size:(r+1)*size], ys[r*size:(r+1)*size]
			if centred {
				mean[r] = sumOf(row, func(v float64) float64 { return v }) / float64(size)
			}
			m := mean[r]
			variance := sumOf(row, func(v float64) float64 { return (v - m) * (v - m) }) / float64(size)
			inverse[r] = 1 / math.Sqrt(variance+epsilon)
			for i, v := range row {
				out[i] = T((float64(v) - m) * inverse[r])
			}
		}
		return nil
	})
}

func sumOf[T float32 | float64](xs []T, f func(float64) float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += f(float64(x))
	}
	return sum
}

var (
	times = pairs{Float: func(a, b float64) float64 { return a * b }}
	plus  = pairs{Float: func(a, b float64) float64 { return a + b }}
)

// scaled is x·scale + bias, both broadcast to x's shape; bias may be nil.
func scaled(c *Call, x, scale, bias *graph.Tensor) (*graph.Tensor, error) {
	for _, t := range []*graph.Tensor{scale, bias} {
		if t == nil {
			continue
		}
		if shape, err := BroadcastShape(x.Shape, t.Shape); err != nil || !slices.Equal(shape, x.Shape) {
			return nil, fmt.Errorf("%s does not broadcast to %s", t, x)
		}
	}
	y, err := times.apply(c, x, scale)
	if err == nil && bias != nil {
		y, err = plus.apply(c, y, bias)
	}
	return y, err
}

// perChannel views a vector of one number for each of n channels as a column, so that it broadcasts to (N, C, L).
func perChannel(t *graph.Tensor, n int64, what string) (*graph.Tensor, error) {
	if t == nil || len(t.Shape) != 1 || t.Shape[0] != n {
		return nil, fmt.Errorf("%s is %s, want a vector of %d", what, t, n)
	}
	return withShape(t, []int64{n, 1}), nil
}

// imageShape returns the number of images and of channels of (N, C, ...) and the elements of a channel.
func imageShape(x *graph.Tensor) (n, channels, inner int64, err error) {
	if len(x.Shape) < 2 {
		return 0, 0, 0, fmt.Errorf("want (N, C, ...), got %s", x)
	}
	inner, _ = graph.NumElements(x.Shape[2:])
	return x.Shape[0], x.Shape[1], inner, nil
}

// checkVector checks that an input is a vector of one number for each channel of x.
func checkVector(c *Inference, input int) error {
	x, t := c.Type(0), c.Type(input)
	if t.Rank() >= 0 && t.Rank() != 1 {
		return fmt.Errorf("input %d is %s, want a vector", input, t)
	}
	if x.Rank() > 1 && t.Rank() == 1 && x.Shape[1].Known() && t.Shape[0].Known() && x.Shape[1].Size != t.Shape[0].Size {
		return fmt.Errorf("input %d is %s, the first %s", input, t, x)
	}
	return nil
}

// float64sOf reads a floating tensor of any type.
func float64sOf(t *graph.Tensor) ([]float64, error) {
	wide, err := castTensor(t, graph.Float64)
	if err != nil {
		return nil, err
	}
	return graph.Data[float64](wide), nil
}

// standardGrad is the gradient of the input of a standardisation over axes: with h its result, inverse its reciprocal
// deviations and g the gradient of h, inverse·(g - mean(g) - h·mean(g·h)), without mean(g) unless centred.
func standardGrad(b *Builder, h, inverse, g, axes *graph.Value, centred bool) *graph.Value {
	mean := func(v *graph.Value) *graph.Value {
		sum := sumKept(b, v, axes)
		each := func(v *graph.Value) *graph.Value { return b.CastLike(b.Op("Size", nil, v), g) }
		return b.Mul(sum, b.Div(each(sum), each(v)))
	}
	d := b.Sub(g, b.Mul(h, mean(b.Mul(g, h))))
	if centred {
		d = b.Sub(d, mean(g))
	}
	return b.Mul(inverse, d)
}

// standardise is [standardised] as nodes.
func standardise(b *Builder, x, axes *graph.Value, epsilon float64, centred bool) (h, inverse *graph.Value) {
	mean := func(v *graph.Value) *graph.Value { return b.Op("ReduceMean", graph.Attrs{"keepdims": 1}, v, axes) }
	if centred {
		x = b.Sub(x, mean(x))
	}
	inverse = b.Op("Reciprocal", nil, b.Op("Sqrt", nil, b.Add(mean(b.Mul(x, x)), b.Like(x, epsilon))))
	return b.Mul(x, inverse), inverse
}
