package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// resizing is what Resize and Upsample do, by their attributes.
type resizing struct {
	mode, coordinates, nearest string
	antialias, excludeOutside  bool
	cubic                      float64 // coefficient a
	extrapolation              float64
}

// resizedAxis is one axis of a resized tensor.
type resizedAxis struct {
	in, out    int64
	scale      float64
	begin, end float64 // of the region of interest, of 0 to 1
}

func (a resizedAxis) same() bool { return a.scale == 1 && a.in == a.out && a.begin == 0 && a.end == 1 }

// stencil is the weights by which one output position reads the input along an axis from position first on; nil: it
// lies outside and takes the extrapolation value. Positions outside the input read the nearest one inside.
type stencil struct {
	first   int
	weights []float64
}

// origin is the coordinate in the input of output position i, and whether there is one.
func (r *resizing) origin(a resizedAxis, i int64) (float64, bool, error) {
	x, in := float64(i), float64(a.in)
	width := a.scale * in
	switch r.coordinates {
	case "align_corners":
		if width == 1 {
			return 0, true, nil
		}
		return x * (in - 1) / (width - 1), true, nil
	case "asymmetric":
		return x / a.scale, true, nil
	case "half_pixel":
		return (x+0.5)/a.scale - 0.5, true, nil
	case "pytorch_half_pixel":
		if width == 1 {
			return -0.5, true, nil
		}
		return (x+0.5)/a.scale - 0.5, true, nil
	case "half_pixel_symmetric":
		return in/2*(1-float64(a.out)/width) + (x+0.5)/a.scale - 0.5, true, nil
	case "tf_crop_and_resize":
		at := a.begin * (in - 1)
		if width == 1 {
			at += (a.end - a.begin) * (in - 1) / 2
		} else {
			at += x * (a.end - a.begin) * (in - 1) / (width - 1)
		}
		return at, at >= 0 && at <= in-1, nil
	}
	return 0, false, fmt.Errorf("coordinate_transformation_mode %q", r.coordinates)
}

// maxStencil bounds the elements that one output element may read along an axis.
const maxStencil = 1 << 20

// stencils returns the weights of every output position along an axis.
func (r *resizing) stencils(a resizedAxis) ([]stencil, error) {
	if a.in == 0 && a.out > 0 {
		return nil, fmt.Errorf("resizing an axis without elements to %d", a.out)
	}
	if a.out*16 > maxBytes {
		return nil, fmt.Errorf("resizing an axis to %d", a.out)
	}
	out := make([]stencil, a.out)
	for i := range out {
		x, inside, err := r.origin(a, int64(i))
		if err != nil {
			return nil, err
		}
		if !inside || math.IsNaN(x) || math.Abs(x) > math.MaxInt32 {
			continue
		}
		// The pixel on the left is preferred, so that the fraction lies in (0, 1].
		right := math.Ceil(x)
		w, err := r.weights(x-(right-1), a.scale)
		if err != nil {
			return nil, err
		}
		s := stencil{first: int(right) - len(w)/2, weights: w}
		if r.excludeOutside {
			s.exclude(int(a.in))
		}
		out[i] = s
	}
	return out, nil
}

// exclude drops what lies outside and scales the rest to sum to 1.
func (s *stencil) exclude(size int) {
	sum := 0.0
	for k := range s.weights {
		if at := s.first + k; at < 0 || at >= size {
			s.weights[k] = 0
		}
		sum += s.weights[k]
	}
	for k := range s.weights {
		if sum != 0 {
			s.weights[k] /= sum
		}
	}
}

// weights are those of an even number of pixels about a point a fraction in (0, 1] behind the left one of the middle pair.
func (r *resizing) weights(fraction, scale float64) ([]float64, error) {
	switch r.mode {
	case "nearest":
		right := false
		switch {
		case fraction == 1:
			right = true
		case r.nearest == "round_prefer_floor":
			right = fraction > 0.5
		case r.nearest == "round_prefer_ceil":
			right = fraction >= 0.5
		case r.nearest == "ceil":
			right = true
		case r.nearest != "floor":
			return nil, fmt.Errorf("nearest_mode %q", r.nearest)
		}
		if right {
			return []float64{0, 1}, nil
		}
		return []float64{1, 0}, nil
	case "linear":
		return r.kernel(1, fraction, scale, func(d float64) float64 { return max(0, 1-d) })
	case "cubic":
		return r.kernel(2, fraction, scale, func(d float64) float64 { return keys(d, r.cubic) })
	}
	return nil, fmt.Errorf("mode %q, want nearest, linear or cubic", r.mode)
}

// kernel samples f, a function of the distance with the given reach. Against aliasing it is stretched where the result
// is smaller.
func (r *resizing) kernel(reach int, fraction, scale float64, f func(float64) float64) ([]float64, error) {
	stretch := 1.0
	if r.antialias {
		stretch = min(scale, 1)
	}
	first := int(math.Max(math.Floor(-float64(reach)/stretch), -maxStencil)) + 1
	if first <= -maxStencil/2 {
		return nil, fmt.Errorf("antialiasing by a scale of %g", scale)
	}
	w := make([]float64, 2-2*first)
	sum := 0.0
	for i := range w {
		w[i] = f(math.Abs(stretch * (float64(first+i) - fraction)))
		sum += w[i]
	}
	if r.antialias {
		for i := range w {
			w[i] /= sum
		}
	}
	return w, nil
}

// keys is the cubic convolution kernel with coefficient a at distance d (Keys 1981, doi:10.1109/TASSP.1981.1163711).
func keys(d, a float64) float64 {
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}

// resize computes x resized along its axes.
func (r *resizing) resize(c *Call, x *graph.Tensor, axes []resizedAxis) (*graph.Tensor, error) {
	shape := make([]int64, len(axes))
	for i, a := range axes {
		shape[i] = a.out
	}
	y, err := outputOf(c, x.DType, shape)
	if err != nil {
		return nil, err
	}
	if r.mode == "nearest" {
		return y, r.resizeNearest(c, y, x, axes)
	}
	return y, r.resizeSmooth(c, y, x, axes)
}

// resizeNearest moves elements of any type, axis by axis.
func (r *resizing) resizeNearest(c *Call, y, x *graph.Tensor, axes []resizedAxis) error {
	outside, err := castTensor(graph.Scalar(r.extrapolation), x.DType)
	if err != nil && r.coordinates == "tf_crop_and_resize" {
		return err
	}
	for axis, a := range axes {
		if a.same() {
			continue
		}
		from, err := r.stencils(a)
		if err != nil {
			return err
		}
		shape := append([]int64{}, x.Shape...)
		shape[axis] = a.out
		next, err := outputOf(&Call{}, x.DType, shape)
		if err != nil {
			return err
		}
		outer, inner := around(shape, axis)
		err = Parallel(c, outer, 1+1<<14/max(1, inner*len(from)), func(lo, hi int) error {
			for o := lo; o < hi; o++ {
				for i, s := range from {
					to := (o*len(from) + i) * inner
					if s.weights == nil {
						for k := range inner {
							copyElements(next, to+k, outside, 0, 1)
						}
						continue
					}
					at := min(max(0, s.first+int(s.weights[1])), int(a.in)-1)
					copyElements(next, to, x, (o*int(a.in)+at)*inner, inner)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		x = next
	}
	copyElements(y, 0, x, 0, int(y.Len()))
	return nil
}

// around counts the elements before and behind an axis.
func around(shape []int64, axis int) (outer, inner int) {
	o, _ := graph.NumElements(shape[:axis])
	i, _ := graph.NumElements(shape[axis+1:])
	return int(o), int(i)
}

// resizeSmooth interpolates numbers in float64, axis by axis; integers are rounded and saturate.
func (r *resizing) resizeSmooth(c *Call, y, x *graph.Tensor, axes []resizedAxis) error {
	wide, err := castTensor(x, graph.Float64)
	if err != nil {
		return err
	}
	data, shape := graph.Data[float64](wide), append([]int64{}, x.Shape...)
	for axis, a := range axes {
		if a.same() {
			continue
		}
		from, err := r.stencils(a)
		if err != nil {
			return err
		}
		shape[axis] = a.out
		if n, ok := graph.NumElements(shape); !ok || n > maxBytes/8 {
			return fmt.Errorf("resizing through shape %v", shape)
		}
		if data, err = r.alongAxis(c, data, shape, axis, int(a.in), from); err != nil {
			return err
		}
	}
	switch low, high, ok := integerRange(y.DType); {
	case ok:
		return storeInts(y, len(data), func(i int) int64 { return int64(min(max(math.RoundToEven(data[i]), low), high)) })
	case y.DType.IsFloat():
		return storeFloats(y, len(data), func(i int) float64 { return data[i] }, castRule{true, "up"})
	}
	return unsupported(c, y.DType)
}

func (r *resizing) alongAxis(c *Call, data []float64, shape []int64, axis, in int, from []stencil) ([]float64, error) {
	outer, inner := around(shape, axis)
	next := make([]float64, outer*len(from)*inner)
	work := 1
	if len(from) > 0 {
		work = inner * len(from[0].weights)
	}
	return next, Parallel(c, outer*len(from), 1+1<<14/max(1, work), func(lo, hi int) error {
		for k := lo; k < hi; k++ {
			row, s := next[k*inner:][:inner], from[k%len(from)]
			if s.weights == nil {
				for i := range row {
					row[i] = r.extrapolation
				}
				continue
			}
			for j, w := range s.weights {
				if w == 0 {
					continue
				}
				at := min(max(0, s.first+j), in-1)
				for i, v := range data[(k/len(from)*in+at)*inner:][:inner] {
					row[i] += w * v
				}
			}
		}
		return nil
	})
}

// integerRange returns the smallest and largest value of an integer type of at most 32 bits.
func integerRange(d graph.DType) (low, high float64, ok bool) {
	bits := d.Bits()
	switch d {
	case graph.Int2, graph.Int4, graph.Int8, graph.Int16, graph.Int32:
		return -math.Exp2(float64(bits - 1)), math.Exp2(float64(bits-1)) - 1, true
	case graph.Uint2, graph.Uint4, graph.Uint8, graph.Uint16, graph.Uint32:
		return 0, math.Exp2(float64(bits)) - 1, true
	}
	return 0, 0, false
}
