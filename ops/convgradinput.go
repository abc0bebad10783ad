package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// ConvGradInput(dY, W) → dX is the adjoint of Conv in its input: of the gradient (N, M, P1, ..., Pk) of the result and the weights
// (M, C/group, K1, ..., Kk) it makes that of the images, (N, C, image_shape...). The attributes are those of Conv with explicit pads, and
// image_shape: the spatial sizes of X, which strides leave open.
var _ = fused.Define(Op{
	Name: "ConvGradInput", Since: 1,
	Infer: inferConvGradInput,
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		dy, w := n.In[0], n.In[1]
		if _, err := inferConvGradInput(&Inference{Node: n, In: []*graph.Type{dy.Type, w.Type}}); err != nil {
			panic(err)
		}
		s := sweepOf(b, n, w, sizes{known: n.Attrs.Ints("image_shape", nil)}, spatialSizes(b, dy))
		return []*graph.Value{s.inputGrad(b, b.Target.stock(), dy, w)}
	},
	Shaped: true,
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		line    image_shape=[3]  [1 1 2] 1 2  [1 1 2] 1 10  ->  [1 1 3] 1 12 20
		uneven  image_shape=[5] strides=[2] kernel_shape=[2]  [1 1 2] 1 2  [1 1 2] 1 10  ->  [1 1 5] 1 10 2 20 0
		padded  image_shape=[3] strides=[2] pads=[1,1]  [1 1 2] 1 2  [1 1 3] 1 2 3  ->  [1 1 3] 2 5 4
		groups  image_shape=[2] group=2  [1 2 1] 1 2  [2 1 2] 1 2 3 4  ->  [1 2 2] 1 2 6 8
		plane   image_shape=[2,2]  [1 1 1 2] 1 2  [1 1 2 1] 1 3  ->  [1 1 2 2] 1 2 3 6
		same    image_shape=[2,2] pads=[1,1,1,1]  [1 1 2 2] 1 2 3 4  [1 1 3 3] 0 1 0 2 1 0 0 0 0  ->  [1 1 2 2] 8 6 11 4
		cube    image_shape=[3,1,1] strides=[2,1,1]  [1 2 1 1 1] 1 2  [2 1 2 1 1] 1 10 100 1000  ->  [1 1 3 1 1] 201 2010 0
		sizes   image_shape=[4]  [1 1 2] 1 2  [1 1 2] 1 10  ->  error "3"`,
})

func inferConvGradInput(c *Inference) ([]*graph.Type, error) {
	dy, w, n := c.Type(0), c.Type(1), c.Node
	image, group := n.Attrs.Ints("image_shape", nil), n.Attrs.Int("group", 1)
	if len(image) == 0 || slices.Min(image) < 1 || group < 1 {
		return nil, fmt.Errorf("image_shape is %v in %d groups, want them positive", image, group)
	}
	if dy.Rank() < 0 || w.Rank() < 0 {
		return []*graph.Type{withoutShape(dy.Clone())}, nil
	}
	if dy.Rank() < 3 || w.Rank() != dy.Rank() || len(image) != dy.Rank()-2 {
		return nil, fmt.Errorf("the gradient is %s, weights %s, image_shape %v, want (N, M, ...) and (M, C/group, ...)", dy, w, image)
	}
	if m, ch := w.Shape[0], dy.Shape[1]; m.Known() && ch.Known() && m.Size != ch.Size {
		return nil, fmt.Errorf("the gradient is %s, weights %s: want %d channels", dy, w, m.Size)
	}
	x := dy.Clone()
	x.Shape = append([]graph.Dim{dy.Shape[0], graph.Sym("")}, fixed(image)...)
	if w.Shape[1].Known() {
		x.Shape[1] = graph.D(w.Shape[1].Size * group)
	}
	kernel := w.Sizes()[2:]
	if slices.Contains(kernel, -1) {
		if kernel = n.Attrs.Ints("kernel_shape", nil); kernel == nil {
			return []*graph.Type{x}, nil
		}
	}
	return []*graph.Type{x}, matchWindows(n, kernel, x, dy)
}
