package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Col2Im adds columns (N, C·block elements, positions) into images (N, C, ...), each element where a sliding block
// would have read it.
// https://onnx.ai/onnx/operators/onnx__Col2Im.html
var _ = define(Op{
	Name: "Col2Im", Since: 18,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x := c.Type(0)
		if x == nil || c.Constant(1) == nil {
			return []*graph.Type{withoutShape(x.Clone())}, nil
		}
		image, err := int64s(c.Constant(1))
		if err != nil {
			return nil, err
		}
		t := x.Clone()
		t.Shape = []graph.Dim{graph.Sym(""), graph.Sym("")}
		if x.Rank() == 3 {
			t.Shape[0] = x.Shape[0]
			if block := c.Constant(2); block != nil && x.Shape[1].Known() {
				sizes, err := int64s(block)
				if err != nil {
					return nil, err
				}
				if n, ok := graph.NumElements(sizes); ok && n > 0 {
					t.Shape[1] = graph.D(x.Shape[1].Size / n)
				}
			}
		}
		for _, d := range image {
			t.Shape = append(t.Shape, graph.D(d))
		}
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalCol2Im[float32](c)
		case graph.Float64:
			return evalCol2Im[float64](c)
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	// A convolution with one kernel for each element of the block takes the columns of dy.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		block := n.In[2]
		count := b.Op("ReduceProd", graph.Attrs{"keepdims": 1}, block)
		numbers := b.Op("Range", nil, b.Int(0), b.Op("Squeeze", nil, count, b.Ints(0)), b.Int(1))
		unit := b.CastLike(b.Op("Equal", nil, numbers, b.Op("Unsqueeze", nil, numbers, b.Ints(1))), dy[0])
		kernels := b.Op("Reshape", nil, unit, b.Op("Concat", graph.Attrs{"axis": 0}, count, b.Ints(1), block))
		attrs := graph.Attrs{}
		for _, name := range []string{"dilations", "pads", "strides"} {
			if v, ok := n.Attrs[name]; ok {
				attrs[name] = v
			}
		}
		image := b.Op("Reshape", nil, dy[0], b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(-1, 1), n.In[1]))
		columns := b.Op("Conv", attrs, image, kernels)
		return []*graph.Value{likePlanes(b, columns, n.In[0]), nil, nil}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		line    [1 2 3] 1 2 3 10 20 30  i64[1] 4  i64[1] 2  ->  [1 1 4] 1 12 23 30
		strided strides=[2,2] pads=[1,0,0,0]  [1 8 1] 1..8  i64[2] 2 2  i64[2] 2 2  ->  [1 2 2 2] 3 4 0 0 7 8 0 0
		wrong   [1 2 3] 1 2 3 10 20 30  i64[1] 5  i64[1] 2  ->  error "want 4"`,
})

func evalCol2Im[T float32 | float64](c *Call) ([]*graph.Tensor, error) {
	x := c.In[0]
	image, err := int64s(c.In[1])
	if err != nil {
		return nil, err
	}
	block, err := int64s(c.In[2])
	if err != nil {
		return nil, err
	}
	attrs := graph.Attrs{}
	for _, name := range []string{"strides", "dilations", "pads"} {
		if v, ok := c.Node.Attrs[name]; ok {
			attrs[name] = v
		}
	}
	win, err := windowOf(attrs, block)
	if err != nil {
		return nil, err
	}
	positions, err := win.fitAll(image)
	if err != nil {
		return nil, err
	}
	n, _ := graph.NumElements(positions)
	k, _ := graph.NumElements(block)
	if len(x.Shape) != 3 || x.Shape[1]%k != 0 || x.Shape[2] != n {
		return nil, fmt.Errorf("columns are %s for blocks %v of images %v, want %d positions", x, block, image, n)
	}
	y, err := outputOf(c, x.DType, slices.Concat([]int64{x.Shape[0], x.Shape[1] / k}, image))
	if err != nil {
		return nil, err
	}
	taps, err := win.taps(image, positions)
	if err != nil {
		return nil, err
	}
	plane, _ := graph.NumElements(image)
	planes := int(x.Shape[0] * x.Shape[1] / k)
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	return []*graph.Tensor{y}, Parallel(c, planes, max(1, 1<<14/max(1, int(n*k))), func(lo, hi int) error {
		for p := lo; p < hi; p++ {
			to := ys[p*int(plane):][:plane]
			for j := range int(k) {
				for q, v := range xs[(p*int(k)+j)*int(n):][:n] {
					if at := taps[q*int(k)+j]; at >= 0 {
						to[at] += v
					}
				}
			}
		}
		return nil
	})
}
