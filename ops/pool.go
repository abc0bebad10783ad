package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// inferPool types a pool's outputs, each like the first.
func inferPool(c *Inference) ([]*graph.Type, error) {
	x := c.Type(0)
	if x.Rank() < 0 {
		return []*graph.Type{withoutShape(x.Clone())}, nil
	}
	win, err := windowOf(c.Node.Attrs, nil)
	if err != nil {
		return nil, err
	}
	t, err := inferWindow(x, win, nil)
	return []*graph.Type{t}, err
}

// pooled is a pool made ready: planes of the input against planes of the output.
type pooled struct {
	win               *window
	taps              []int32
	in, out           []int64
	plane, positions  int
	planes, kernelLen int
}

func poolOf(n *graph.Node, x *graph.Tensor) (*pooled, error) {
	win, err := windowOf(n.Attrs, nil)
	if err != nil {
		return nil, err
	}
	if len(x.Shape) != len(win.kernel)+2 {
		return nil, fmt.Errorf("input is %s, want rank %d for a kernel %v", x, len(win.kernel)+2, win.kernel)
	}
	p := &pooled{win: win, in: x.Shape[2:]}
	if p.out, err = win.fitAll(p.in); err != nil {
		return nil, err
	}
	if p.taps, err = win.taps(p.in, p.out); err != nil {
		return nil, err
	}
	plane, _ := graph.NumElements(p.in)
	positions, _ := graph.NumElements(p.out)
	k, _ := graph.NumElements(win.kernel)
	planes, _ := graph.NumElements(x.Shape[:2])
	p.plane, p.positions, p.planes, p.kernelLen = int(plane), int(positions), int(planes), int(k)
	return p, nil
}

func (p *pooled) shape(x *graph.Tensor) []int64 {
	return append([]int64{x.Shape[0], x.Shape[1]}, p.out...)
}

// each calls f for every window of every plane with the taps of the window; runs on all cores.
func (p *pooled) each(c *Call, f func(plane, position int, taps []int32)) error {
	return Parallel(c, p.planes, max(1, 1<<14/max(1, p.positions*p.kernelLen)), func(lo, hi int) error {
		for plane := lo; plane < hi; plane++ {
			for q := range p.positions {
				f(plane, q, p.taps[q*p.kernelLen:][:p.kernelLen])
			}
		}
		return nil
	})
}

// sumGrad is the adjoint of summing over the windows of a sweep: it adds each element of dy to all that its window saw of x.
func (s *sweep) sumGrad(b *Builder, dy, x *graph.Value) *graph.Value {
	if s.tiles() {
		return padSpatial(b, repeatBy(b, dy, s.kernel), each(s.k, 0), each(s.k, 0).combine(b, "Sub", s.after))
	}
	// Channels are folded into the batch, so that one kernel serves all.
	sum := s.inputGrad(b, b.Target.stock(), foldChannels(b, dy), s.onesKernel(b, dy))
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, sum, b.Op("Shape", nil, x))
}

// onesKernel is a kernel (1, 1, ...) of ones in like's type.
func (s *sweep) onesKernel(b *Builder, like *graph.Value) *graph.Value {
	return b.Op("Expand", nil, b.Like(like, 1), b.Ints(append([]int64{1, 1}, s.kernel...)...))
}

// tiles reports whether the windows lie side by side from the first element on.
func (s *sweep) tiles() bool {
	for i, k := range s.kernel {
		if k != s.stride[i] || s.dilation[i] != 1 {
			return false
		}
	}
	return s.kernel != nil && s.before.all(func(p int64) bool { return p == 0 })
}

// foldChannels views (N, C, ...) as (N·C, 1, ...).
func foldChannels(b *Builder, v *graph.Value) *graph.Value {
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(-1, 1), spatialSizes(b, v).in(b)))
}

// repeatBy repeats the elements of v along the spatial axes; in three dimensions engines are slow to resize.
func repeatBy(b *Builder, v *graph.Value, times []int64) *graph.Value {
	if len(times) < 3 {
		scales := []float32{1, 1}
		for _, k := range times {
			scales = append(scales, float32(k))
		}
		attrs := graph.Attrs{"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
		return b.Op("Resize", attrs, v, nil, b.Const(graph.Vector(scales...)))
	}
	axes, repeat := []int64{}, []int64{1, 1}
	for i, k := range times {
		axes, repeat = append(axes, int64(3+2*i)), append(repeat, 1, k)
	}
	shape := b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0, 0), spatialSizes(b, v).combine(b, "Mul", sizes{known: times}).in(b))
	v = b.Op("Expand", nil, b.Op("Unsqueeze", nil, v, b.Ints(axes...)), b.Ints(repeat...))
	return b.Op("Reshape", nil, v, shape)
}
