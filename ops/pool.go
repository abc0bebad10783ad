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
	return parallel(c, p.planes, max(1, 1<<14/max(1, p.positions*p.kernelLen)), func(lo, hi int) error {
		for plane := lo; plane < hi; plane++ {
			for q := range p.positions {
				f(plane, q, p.taps[q*p.kernelLen:][:p.kernelLen])
			}
		}
		return nil
	})
}

// sumPoolGrad spreads dy, of a pool's output, to the elements that each window saw: the adjoint of summing over windows. Channels
// are folded into the batch, so that a kernel of ones serves all.
func sumPoolGrad(b *Builder, win *window, dy, x *graph.Value, in, out []int64) *graph.Value {
	k := len(win.kernel)
	shape := b.Op("Shape", nil, x)
	folded := foldChannels(b, dy, k)
	ones := b.Op("Expand", nil, b.Like(dy, 1), b.Ints(append([]int64{1, 1}, win.kernel...)...))
	attrs := win.attrs()
	attrs["output_padding"] = win.rest(in, out)
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, b.Op("ConvTranspose", attrs, folded, ones), shape)
}

// foldChannels views (N, C, ...) as (N·C, 1, ...).
func foldChannels(b *Builder, v *graph.Value, spatial int) *graph.Value {
	sizes := b.Op("Shape", graph.Attrs{"start": 2}, v)
	return b.Op("Reshape", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(-1, 1), sizes))
}
