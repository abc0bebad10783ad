package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// RoiAlign averages, or takes the largest of, interpolated samples of images (N, C, H, W) over the bins of regions (R,
// 4), x before y of two corners; batch_indices (R) names the images. He et al. 2017, arXiv:1703.06870.
// https://onnx.ai/onnx/operators/onnx__RoiAlign.html
var (
	_ = define(Op{
		Name: "RoiAlign", Since: 16,
		Infer: inferRoiAlign,
		Eval:  roiAlignBy("half_pixel"),
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return roiAlignGrad(b, n, dy[0], "half_pixel")
		},
		Exact: Rounding,
		Grow:  Fixed,
		Cases: `
			mean    output_height=1 output_width=2 sampling_ratio=2  [2 1 2 3] 2*12  [1 4] 0.1 0.2 2.3 1.7  i64[1] 1  ->  [1 1 1 2] 2 2
			adapts  coordinate_transformation_mode="output_half_pixel" spatial_scale=0.5
				[1 2 2 2] 3*4 5*4  [2 4] 0.2 0.4 3 2.2 0.4 0.2 1.3 1.7  i64[2] 0 0  ->  [2 2 1 1] 3 5 3 5
			slope   !kink sampling_ratio=1 output_width=2  [1 1 2 2] 0 1 2 3  [1 4] 0.5 0.5 1.5 1.5  i64[1] 0  ->  [1 1 1 2] 1.25 1.75
			largest !kink mode="max" sampling_ratio=1  [1 1 2 2] 0 1 2 4  [1 4] 0.5 0.5 1.5 1.5  i64[1] 0  ->  [1 1 1 1] 1
			image   [1 1 1 1] 0  [1 4] 0 0 1 1  i64[1] 1  ->  error "image 1"`,
	})
	_ = define(Op{
		Name: "RoiAlign", Since: 10,
		Infer: inferRoiAlign,
		Eval:  roiAlignBy("output_half_pixel"),
		Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
			return roiAlignGrad(b, n, dy[0], "output_half_pixel")
		},
		Exact: Rounding,
		Grow:  Fixed,
		Cases: `
			slope sampling_ratio=1  [1 1 2 2] 0 1 2 3  [1 4] 0 0 1 1  i64[1] 0  ->  [1 1 1 1] 1.5`,
	})
)

func inferRoiAlign(c *Inference) ([]*graph.Type, error) {
	x, rois := c.Type(0), c.Type(1)
	t := x.Clone()
	if t == nil {
		return []*graph.Type{nil}, nil
	}
	height, width := c.Node.Attrs.Int("output_height", 1), c.Node.Attrs.Int("output_width", 1)
	t.Shape = []graph.Dim{graph.Sym(""), graph.Sym(""), graph.D(height), graph.D(width)}
	if x.Rank() >= 0 {
		if x.Rank() != 4 {
			return nil, fmt.Errorf("input is %s, want (N, C, H, W)", x)
		}
		t.Shape[1] = x.Shape[1]
	}
	if rois.Rank() > 0 {
		t.Shape[0] = rois.Shape[0]
	}
	return []*graph.Type{t}, nil
}

// maxSamples bounds the samples along one axis of a bin.
const maxSamples = 1 << 16

func roiAlignBy(coordinates string) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		x, rois := c.In[0], c.In[1]
		which, err := int64s(c.In[2])
		if err != nil {
			return nil, err
		}
		if len(x.Shape) != 4 || len(rois.Shape) != 2 || rois.Shape[1] != 4 || int64(len(which)) != rois.Shape[0] {
			return nil, fmt.Errorf("input is %s, regions %s, images %s, want (N, C, H, W), (R, 4) and (R)", x, rois, c.In[2])
		}
		for _, i := range which {
			if i < 0 || i >= x.Shape[0] {
				return nil, fmt.Errorf("image %d of %d", i, x.Shape[0])
			}
		}
		get, err := floatReader(rois)
		if err != nil {
			return nil, err
		}
		h, w := c.Node.Attrs.Int("output_height", 1), c.Node.Attrs.Int("output_width", 1)
		y, err := outputOf(c, x.DType, []int64{rois.Shape[0], x.Shape[1], h, w})
		if err != nil {
			return nil, err
		}
		a := &roiAligner{
			half: c.Node.Attrs.Str("coordinate_transformation_mode", coordinates) == "half_pixel",
			max:  c.Node.Attrs.Str("mode", "avg") == "max", scale: float64(c.Node.Attrs.Float("spatial_scale", 1)),
			ratio: c.Node.Attrs.Int("sampling_ratio", 0), rois: get, images: which, bins: [2]int{int(h), int(w)},
		}
		switch x.DType {
		case graph.Float32:
			err = alignRois[float32](c, a, y, x)
		case graph.Float64:
			err = alignRois[float64](c, a, y, x)
		default:
			err = unsupported(c, x.DType)
		}
		return []*graph.Tensor{y}, err
	})
}

type roiAligner struct {
	half, max bool
	scale     float64
	ratio     int64
	rois      func(int) float64
	images    []int64
	bins      [2]int // rows and columns
}

// sample is two neighbouring positions along an axis and the weight of the second; a negative position lies outside.
type sample struct {
	low, high int
	part      float64
}

// samples lists those of every bin of region r along an axis, rows 0, columns 1, and how many a bin has.
func (a *roiAligner) samples(r, axis, size int) ([]sample, int, error) {
	shift := 0.0
	if a.half {
		shift = 0.5
	}
	from, to := a.rois(4*r+1-axis)*a.scale-shift, a.rois(4*r+3-axis)*a.scale-shift
	extent := to - from
	if !a.half {
		extent = max(extent, 1)
	}
	bins := a.bins[axis]
	bin := extent / float64(bins)
	count := math.Ceil(bin)
	if a.ratio > 0 {
		count = float64(a.ratio)
	}
	if !(count*float64(bins) <= maxSamples) {
		return nil, 0, fmt.Errorf("region %d with %g samples", r, count*float64(bins))
	}
	per := max(0, int(count))
	out := make([]sample, 0, bins*per)
	for i := range bins * per {
		at := from + float64(i/per)*bin + (float64(i%per)+0.5)*bin/float64(per)
		if !(at >= -1 && at <= float64(size)) {
			out = append(out, sample{low: -1})
			continue
		}
		at = min(max(at, 0), float64(size-1))
		low := int(at)
		out = append(out, sample{low, min(low+1, size-1), at - float64(low)})
	}
	return out, per, nil
}

func alignRois[T float32 | float64](c *Call, a *roiAligner, y, x *graph.Tensor) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	channels, height, width := int(x.Shape[1]), int(x.Shape[2]), int(x.Shape[3])
	return Parallel(c, len(a.images), 1, func(lo, hi int) error {
		for r := lo; r < hi; r++ {
			rows, perRow, err := a.samples(r, 0, height)
			if err != nil {
				return err
			}
			cols, perCol, err := a.samples(r, 1, width)
			if err != nil {
				return err
			}
			for ch := range channels {
				if err := c.Err(); err != nil {
					return err
				}
				plane := xs[(int(a.images[r])*channels+ch)*height*width:][:height*width]
				for bin := range a.bins[0] * a.bins[1] {
					v := a.bin(rows[bin/a.bins[1]*perRow:][:perRow], cols[bin%a.bins[1]*perCol:][:perCol], func(row, col int) float64 {
						return float64(plane[row*width+col])
					})
					ys[(r*channels+ch)*a.bins[0]*a.bins[1]+bin] = T(v)
				}
			}
		}
		return nil
	})
}

// bin is the mean of the samples of rows and columns or, as the standard has it, the largest of their four weighted pixels.
func (a *roiAligner) bin(rows, cols []sample, pixel func(row, col int) float64) float64 {
	sum, largest := 0.0, math.Inf(-1)
	for _, p := range rows {
		for _, q := range cols {
			if p.low < 0 || q.low < 0 {
				largest = max(largest, 0)
				continue
			}
			v := [4]float64{
				(1 - p.part) * (1 - q.part) * pixel(p.low, q.low), (1 - p.part) * q.part * pixel(p.low, q.high),
				p.part * (1 - q.part) * pixel(p.high, q.low), p.part * q.part * pixel(p.high, q.high),
			}
			sum += v[0] + v[1] + v[2] + v[3]
			largest = max(largest, v[0], v[1], v[2], v[3])
		}
	}
	n := len(rows) * len(cols)
	switch {
	case n == 0:
		return 0
	case a.max:
		return largest
	}
	return sum / float64(n)
}

// roiAlignGrad spreads each bin over the rows and columns that it read. As in PyTorch the regions have no gradient.
func roiAlignGrad(b *Builder, n *graph.Node, dy *graph.Value, coordinates string) []*graph.Value {
	if n.Attrs.Str("mode", "avg") != "avg" {
		panic("ops: the gradient of RoiAlign in mode max")
	}
	half := n.Attrs.Str("coordinate_transformation_mode", coordinates) == "half_pixel"
	rows := b.Transpose(binMatrix(b, n, dy, 0, n.Attrs.Int("output_height", 1), half), 0, 2, 1)
	cols := binMatrix(b, n, dy, 1, n.Attrs.Int("output_width", 1), half)
	one := b.Ints(1)
	spread := b.Op("MatMul", nil, b.Op("MatMul", nil, b.Op("Unsqueeze", nil, rows, one), dy), b.Op("Unsqueeze", nil, cols, one))
	zeros := b.Op("Expand", nil, b.Like(dy, 0), b.Op("Shape", nil, n.In[0]))
	index := b.Op("Unsqueeze", nil, n.In[2], b.Ints(-1))
	return []*graph.Value{b.Op("ScatterND", graph.Attrs{"reduction": "add"}, zeros, index, spread), nil, nil}
}

// binMatrix is the matrices (R, bins, size) by which the bins of each region read an axis, rows 0, columns 1.
func binMatrix(b *Builder, n *graph.Node, dy *graph.Value, axis, bins int64, half bool) *graph.Value {
	number := func(v float64) *graph.Value { return b.Like(dy, v) }
	numbers := func(count *graph.Value) *graph.Value {
		return b.CastLike(b.Op("Range", nil, b.Int(0), count, b.Int(1)), dy)
	}
	corner := func(i int64) *graph.Value { // (R, 1, 1, 1)
		at := b.Reshape(b.Op("Gather", graph.Attrs{"axis": 1}, n.In[1], b.Int(i)), -1, 1, 1, 1)
		at = b.Mul(at, number(float64(n.Attrs.Float("spatial_scale", 1))))
		if half {
			at = b.Sub(at, number(0.5))
		}
		return at
	}
	from := corner(1 - axis)
	extent := b.Sub(corner(3-axis), from)
	if !half {
		extent = b.Op("Max", nil, extent, number(1))
	}
	bin := b.Div(extent, number(float64(bins)))
	per := number(float64(n.Attrs.Int("sampling_ratio", 0)))
	if n.Attrs.Int("sampling_ratio", 0) <= 0 {
		per = b.Op("Ceil", nil, bin)
	}
	most := b.Op("Cast", graph.Attrs{"to": graph.Int64}, b.Op("ReduceMax", graph.Attrs{"keepdims": 0}, per))
	k := b.Reshape(numbers(most), 1, 1, -1, 1)
	place := b.Reshape(numbers(b.Int(bins)), 1, -1, 1, 1)
	at := b.Add(from, b.Mul(bin, b.Add(place, b.Div(b.Add(k, number(0.5)), per)))) // (R, bins, samples, 1)
	size := b.Op("Gather", nil, b.Op("Shape", nil, n.In[0]), b.Int(axis+2))
	end := b.CastLike(size, dy)
	inside := b.Op("And", nil, b.Op("Less", nil, k, per),
		b.Op("And", nil, b.Op("GreaterOrEqual", nil, at, number(-1)), b.Op("LessOrEqual", nil, at, end)))
	at = b.Op("Min", nil, b.Op("Max", nil, at, number(0)), b.Sub(end, number(1)))
	hat := b.Op("Max", nil, b.Sub(number(1), b.Op("Abs", nil, b.Sub(at, numbers(size)))), number(0))
	return b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Where(inside, b.Div(hat, per), number(0)), b.Ints(2))
}
