package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// AffineGrid makes the grid for GridSample that an affine map theta (N, k, k+1) makes of the points of an image of the
// given size (N, C, D1, ..., Dk).
// https://onnx.ai/onnx/operators/onnx__AffineGrid.html
var _ = define(Op{
	Name: "AffineGrid", Since: 20,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		theta, size := c.Type(0), c.Constant(1)
		t := theta.Clone()
		if size == nil {
			t = withoutShape(t)
			if s := c.Type(1); t != nil && s.Rank() == 1 && s.Shape[0].Size >= 2 {
				t.Shape = make([]graph.Dim, s.Shape[0].Size)
				anySizes(t, 0)
				t.Shape[len(t.Shape)-1] = graph.D(s.Shape[0].Size - 2)
			}
			return []*graph.Type{t}, nil
		}
		if t == nil {
			return []*graph.Type{nil}, nil
		}
		shape, err := affineShape(size)
		if err != nil {
			return nil, err
		}
		t.Shape = nil
		for _, d := range shape {
			t.Shape = append(t.Shape, graph.D(d))
		}
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		shape, err := affineShape(c.In[1])
		if err != nil {
			return nil, err
		}
		theta, k := c.In[0], len(shape)-2
		if len(theta.Shape) != 3 || theta.Shape[0] != shape[0] || theta.Shape[1] != int64(k) || theta.Shape[2] != int64(k+1) {
			return nil, fmt.Errorf("theta is %s for a grid %v", theta, shape)
		}
		y, err := outputOf(c, theta.DType, shape)
		if err != nil {
			return nil, err
		}
		switch theta.DType {
		case graph.Float32:
			err = affineGrid[float32](c, y, theta)
		case graph.Float64:
			err = affineGrid[float64](c, y, theta)
		default:
			err = unsupported(c, theta.DType)
		}
		return []*graph.Tensor{y}, err
	}),
	// The grid is the product of theta with the grid of the identity, to which a one is appended.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		k := n.Out[0].Type.Rank() - 2
		if k < 1 {
			panic("ops: the gradient of AffineGrid needs the number of sizes")
		}
		identity := graph.NewTensor(graph.Float64, 1, int64(k), int64(k+1))
		for i := range k {
			graph.Data[float64](identity)[i*(k+2)] = 1
		}
		size := b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(1), b.Op("Slice", nil, n.In[1], b.Ints(1), b.Ints(int64(k+2))))
		grid := b.Op("AffineGrid", n.Attrs, b.CastLike(b.Const(identity), dy[0]), size)
		points := b.Op("Pad", nil, b.Reshape(grid, 1, -1, int64(k)), b.Ints(0, 0, 0, 0, 0, 1), b.Like(dy[0], 1))
		d := b.Transpose(b.Reshape(dy[0], 0, -1, int64(k)), 0, 2, 1)
		return []*graph.Value{b.Op("MatMul", nil, d, points), nil}
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		plane   [1 2 3] 1 0 0.5 0 2 0  i64[4] 1 1 1 2  ->  [1 1 2 2] 0 0 1 0
		corners align_corners=1  [1 2 3] 1 1 0 0 2 0  i64[4] 1 1 2 2  ->  [1 2 2 2] -2 -2 0 -2 0 2 2 2
		cube    [1 3 4] 1 0 0 0 0 1 0 0 0 0 1 0.25  i64[5] 1 1 2 1 1  ->  [1 2 1 1 3] 0 0 -0.25 0 0 0.75
		flat    [1 2 3] 1*6  i64[3] 1 1 2  ->  error "theta"`,
})

// affineShape is the grid's shape for an image's.
func affineShape(size *graph.Tensor) ([]int64, error) {
	s, err := int64s(size)
	if err != nil {
		return nil, err
	}
	if len(s) < 3 || len(size.Shape) != 1 {
		return nil, fmt.Errorf("size is %s, want N, C and one size or more", size)
	}
	shape := append(append([]int64{s[0]}, s[2:]...), int64(len(s)-2))
	if _, ok := graph.NumElements(shape); !ok {
		return nil, fmt.Errorf("size is %v", s)
	}
	return shape, nil
}

func affineGrid[T float32 | float64](c *Call, y, theta *graph.Tensor) error {
	k := len(y.Shape) - 2
	size := y.Shape[1 : k+1]
	points, _ := graph.NumElements(size)
	align := c.Node.Attrs.Bool("align_corners", false)
	ts, ys := graph.Data[T](theta), graph.Data[T](y)
	return Parallel(c, int(y.Shape[0]*points), 1<<10, func(lo, hi int) error {
		point := make([]float64, k+1) // last axis of the image first, then 1
		point[k] = 1
		for p := lo; p < hi; p++ {
			rest := int64(p) % points
			for j := range k {
				d := size[k-1-j]
				i := float64(rest % d)
				rest /= d
				switch {
				case !align:
					point[j] = (2*i+1)/float64(d) - 1
				case d == 1:
					point[j] = 0 // as in PyTorch
				default:
					point[j] = 2*i/float64(d-1) - 1
				}
			}
			rows := ts[p/int(points)*k*(k+1):]
			for r := range k {
				sum := 0.0
				for j, v := range point {
					sum += v * float64(rows[r*(k+1)+j])
				}
				ys[p*k+r] = T(sum)
			}
		}
		return nil
	})
}
