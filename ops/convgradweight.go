package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// ConvGradWeight(X, dY) → dW is the adjoint of Conv in its weights: of images (N, C, D1, ..., Dk) and the gradient (N, M, P1, ..., Pk) of
// the result it makes that of the weights, (M, C/group, kernel_shape...). The attributes are those of Conv with explicit pads;
// kernel_shape is required.
var _ = fused.Define(Op{
	Name: "ConvGradWeight", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x, dy, n := c.Type(0), c.Type(1), c.Node
		kernel, group := n.Attrs.Ints("kernel_shape", nil), n.Attrs.Int("group", 1)
		if kernel == nil || group < 1 {
			return nil, fmt.Errorf("kernel_shape is %v in %d groups, want them positive", kernel, group)
		}
		if err := matchWindows(n, kernel, x, dy); err != nil {
			return nil, err
		}
		if x.Rank() < 0 || dy.Rank() < 0 {
			return []*graph.Type{withoutShape(x.Clone())}, nil
		}
		t := dy.Clone()
		t.Shape = append([]graph.Dim{dy.Shape[1], graph.Sym("")}, fixed(kernel)...)
		if ch := x.Shape[1]; ch.Known() {
			if ch.Size%group != 0 {
				return nil, fmt.Errorf("input is %s in %d groups", x, group)
			}
			t.Shape[1] = graph.D(ch.Size / group)
		}
		return []*graph.Type{t}, nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, dy := n.In[0], n.In[1]
		if err := matchWindows(n, n.Attrs.Ints("kernel_shape", nil), x.Type, dy.Type); err != nil {
			panic(err)
		}
		s := sweepOf(b, n, nil, spatialSizes(b, x), spatialSizes(b, dy))
		return []*graph.Value{s.weightGrad(b, b.Target.stock(), x, dy)}
	},
	Shaped: true,
	Exact:  Rounding,
	Grow:   Fixed,
	Cases: `
		line    kernel_shape=[2]  [1 1 4] 1 2 3 4  [1 1 3] 1 10 100  ->  [1 1 2] 321 432
		strided kernel_shape=[3] strides=[2] pads=[1,0]  [1 1 4] 1 2 3 4  [1 1 2] 1 10  ->  [1 1 3] 20 31 42
		plane   kernel_shape=[2,2] pads=[0,1,0,0]  [2 1 2 2] 1..8  [2 1 1 2] 1 10 100 1000  ->  [1 1 2 2] 5010 6521 7030 8743
		groups  group=2 kernel_shape=[1]  [1 2 2] 1 2 3 4  [1 2 2] 1 10 100 1000  ->  [2 1 1] 21 4300
		dilated kernel_shape=[2] dilations=[2]  [1 1 4] 1 2 3 4  [1 1 2] 1 10  ->  [1 1 2] 21 43
		cube    kernel_shape=[2,1,1]  [1 1 2 1 2] 1 2 3 4  [1 2 1 1 2] 1 10 100 1000  ->  [2 1 2 1 1] 21 43 2100 4300
		sizes   kernel_shape=[2]  [1 1 4] 1 2 3 4  [1 1 2] 1 10  ->  error "3"`,
})

// matchWindows checks the pads of n and that its windows take images of x's spatial sizes to positions of y's, as far as these are
// known.
func matchWindows(n *graph.Node, kernel []int64, x, y *graph.Type) error {
	if err := explicitPads(n); err != nil {
		return err
	}
	win, err := windowOf(n.Attrs, kernel)
	if err != nil {
		return err
	}
	for _, t := range []*graph.Type{x, y} {
		if t.Rank() >= 0 && t.Rank() != len(kernel)+2 {
			return fmt.Errorf("an input is %s, want rank %d for a kernel %v", t, len(kernel)+2, kernel)
		}
	}
	if x.Rank() < 0 || y.Rank() < 0 {
		return nil
	}
	for i := range kernel {
		in, out := x.Shape[i+2], y.Shape[i+2]
		if !in.Known() || !out.Known() {
			continue
		}
		if size, err := win.fit(i, in.Size); err != nil || size != out.Size {
			return fmt.Errorf("windows over %s fit %d times along axis %d, the gradient is %s (%v)", x, size, i+2, y, err)
		}
	}
	return nil
}
