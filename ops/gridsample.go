package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// GridSample reads images (N, C, D1, ..., Dk) at the points of a grid (N, O1, ..., Ok, k), whose last axis names the
// last spatial axis first; -1 and 1 are the borders of the image or, with align_corners, the centres of its outermost
// pixels.
// https://onnx.ai/onnx/operators/onnx__GridSample.html
var _ = define(Op{
	Name: "GridSample", Since: 16,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x, grid := c.Type(0), c.Type(1)
		if x.Rank() < 0 || grid.Rank() < 0 {
			return []*graph.Type{withoutShape(x.Clone())}, nil
		}
		if k := x.Rank() - 2; k < 1 || grid.Rank() != k+2 || grid.Shape[k+1].Known() && grid.Shape[k+1].Size != int64(k) {
			return nil, fmt.Errorf("input is %s, grid %s, want (N, C, D1, ..., Dk) and (N, O1, ..., Ok, k)", x, grid)
		}
		t := x.Clone()
		copy(t.Shape[2:], grid.Shape[1:len(grid.Shape)-1])
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		x, grid := c.In[0], c.In[1]
		k := len(x.Shape) - 2
		if k < 1 || len(grid.Shape) != k+2 || grid.Shape[k+1] != int64(k) || grid.Shape[0] != x.Shape[0] {
			return nil, fmt.Errorf("input is %s, grid %s, want (N, C, D1, ..., Dk) and (N, O1, ..., Ok, k)", x, grid)
		}
		s, err := samplerOf(c.Node, x.Shape[2:])
		if err != nil {
			return nil, err
		}
		y, err := outputOf(c, x.DType, slices.Concat(x.Shape[:2], grid.Shape[1:k+1]))
		if err != nil {
			return nil, err
		}
		at, err := floatReader(grid)
		if err != nil {
			return nil, err
		}
		switch x.DType {
		case graph.Float32:
			err = sampleGrid[float32](c, s, y, x, at)
		case graph.Float64:
			err = sampleGrid[float64](c, s, y, x, at)
		default:
			err = unsupported(c, x.DType)
		}
		return []*graph.Tensor{y}, err
	}),
	Grad:  gridSampleGrad,
	Exact: Tolerance{Rel: 1e-4, Abs: 1e-5}, // coordinates of float32 lose digits when they are scaled
	Cases: `
		linear  [1 1 2 2] 0 10 20 30  [1 1 3 2] 0.1 -0.2 -0.75 0.25 0.9 0.3  ->  [1 1 1 3] 12 11.25 15.6
		aligned align_corners=1 padding_mode="border"  [1 2 1 3] 0 10 20 5 6 7  [1 1 2 2] 0.25 0.1 -1.5 0.1  ->  [1 2 1 2] 12.5 0 6.25 5
		mirror  padding_mode="reflection"  [1 1 1 3] 0 10 20  [1 1 2 2] 1.5 0.1 -2.2 0.1  ->  [1 1 1 2] 17.5 13
		nearest !kink mode="nearest"  [1 1 1 4] 0 10 20 30  [1 1 3 2] -0.3 0 0.25 0 3 0  ->  [1 1 1 3] 10 20 0
		cubic   !fixed mode="cubic" align_corners=1  [1 1 1 4] 0 1 4 9  [1 1 1 2] 0.0 0.0  ->  [1 1 1 1] 2.125
		curved  mode="cubic" padding_mode="reflection"  [1 1 2 3] 0 1 4 2 -1 3  [1 1 1 2] 0.3 0.2  ->  [1 1 1 1] 1.0170819759368896
		cube    [1 1 2 1 2] 0 10 20 30  [1 1 1 1 3] 0.25 0.1 -0.25  ->  [1 1 1 1 1] 11.875
		rank    [1 1 2 2] 0 1 2 3  [1 1 1 3] 0 0 0  ->  error "grid"`,
})

// sampler is how GridSample turns a point into pixels and weights.
type sampler struct {
	mode, padding string
	align         bool
	size          []int64
	taps          int // along one axis
}

// Modes had other names before opset 20.
var sampleModes = map[string]string{
	"": "linear", "bilinear": "linear", "linear": "linear", "nearest": "nearest", "bicubic": "cubic", "cubic": "cubic",
}

func samplerOf(n *graph.Node, size []int64) (*sampler, error) {
	s := &sampler{
		mode: sampleModes[n.Attrs.Str("mode", "")], padding: n.Attrs.Str("padding_mode", "zeros"),
		align: n.Attrs.Bool("align_corners", false), size: size,
	}
	switch s.mode {
	case "nearest":
		s.taps = 1
	case "linear":
		s.taps = 2
	case "cubic":
		s.taps = 4
	default:
		return nil, fmt.Errorf("mode %q, want linear, nearest or cubic", n.Attrs.Str("mode", ""))
	}
	switch s.padding {
	case "zeros", "border", "reflection":
	default:
		return nil, fmt.Errorf("padding_mode %q, want zeros, border or reflection", s.padding)
	}
	return s, nil
}

// borders are where the image ends along an axis.
func (s *sampler) borders(size float64) (low, high float64) {
	if s.align {
		return 0, size - 1
	}
	return -0.5, size - 0.5
}

// pad moves a coordinate that lies outside the image into it.
func (s *sampler) pad(x, size float64) float64 {
	low, high := s.borders(size)
	switch {
	case x >= low && x <= high:
	case s.padding == "border":
		return min(max(x, 0), size-1)
	case s.padding == "reflection":
		return reflect(x, low, high)
	}
	return x
}

// reflect mirrors x at low and high until it lies between them.
func reflect(x, low, high float64) float64 {
	span := high - low
	if span <= 0 {
		return low
	}
	far := math.Abs(x - low)
	n := math.Floor(far / span)
	r := far - n*span
	if math.Mod(n, 2) == 0 {
		return low + r
	}
	return high - r
}

// read writes the positions along axis i that the coordinate g reads, -1 where there is no pixel, and their weights.
func (s *sampler) read(i int, g float64, at []int, w []float64) {
	size := float64(s.size[i])
	x := ((g+1)*size - 1) / 2
	if s.align {
		x = (g + 1) / 2 * (size - 1)
	}
	if s.mode == "nearest" {
		x = math.RoundToEven(x)
	}
	x = s.pad(x, size)
	first := math.Floor(x)
	if s.mode == "cubic" {
		first--
	}
	for k := range at {
		q := first + float64(k)
		switch d := math.Abs(x - q); s.mode {
		case "nearest":
			w[k] = 1
		case "linear":
			w[k] = 1 - d
		case "cubic":
			w[k] = keys(d, -0.75)
		}
		if s.padding != "zeros" {
			q = min(max(math.Round(s.pad(q, size)), 0), size-1)
		}
		at[k] = -1
		if q >= 0 && q < size { // not where q is NaN
			at[k] = int(q)
		}
	}
}

func sampleGrid[T float32 | float64](c *Call, s *sampler, y, x *graph.Tensor, grid func(int) float64) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	k, channels := len(s.size), int(x.Shape[1])
	points64, _ := graph.NumElements(y.Shape[2:])
	plane64, _ := graph.NumElements(s.size)
	points, plane := int(points64), int(plane64)
	corners := 1
	for range k {
		corners *= s.taps
	}
	strides := Strides(s.size)
	return Parallel(c, int(x.Shape[0])*points, 1+1<<14/max(1, channels*corners), func(lo, hi int) error {
		at, w := make([][]int, k), make([][]float64, k)
		for i := range at {
			at[i], w[i] = make([]int, s.taps), make([]float64, s.taps)
		}
		for p := lo; p < hi; p++ {
			for i := range k {
				s.read(i, grid(p*k+k-1-i), at[i], w[i])
			}
			image, to := p/max(1, points)*channels, p/points*channels*points+p%points
			for corner := range corners {
				from, weight, rest := 0, 1.0, corner
				for i := range k {
					j := rest % s.taps
					rest /= s.taps
					if at[i][j] < 0 {
						from = -1
						break
					}
					from += at[i][j] * strides[i]
					weight *= w[i][j]
				}
				if from < 0 {
					continue
				}
				for ch := range channels {
					ys[to+ch*points] += T(weight * float64(xs[(image+ch)*plane+from]))
				}
			}
		}
		return nil
	})
}
