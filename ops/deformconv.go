package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// DeformConv is a convolution of images (N, C, H, W) whose kernel elements are moved at every position by offsets (N,
// groups·elements·2, H', W'), y before x, and weighed by a mask; between pixels it interpolates, and around the image
// are zeros.
// https://onnx.ai/onnx/operators/onnx__DeformConv.html
var _ = define(Op{
	Name: "DeformConv", Since: 19,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x, w, offset := c.Type(0), c.Type(1), c.Type(2)
		t := x.Clone()
		if x.Rank() < 0 || w.Rank() < 0 || offset.Rank() < 0 {
			return []*graph.Type{withoutShape(t)}, nil
		}
		if x.Rank() != 4 || w.Rank() != 4 || offset.Rank() != 4 {
			return nil, fmt.Errorf("input is %s, weights %s, offsets %s, want images", x, w, offset)
		}
		t.Shape[1] = w.Shape[0]
		copy(t.Shape[2:], offset.Shape[2:])
		return []*graph.Type{t}, nil
	},
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, w, offset := n.In[0], n.In[1], n.In[2]
		group, offsetGroup := n.Attrs.Int("group", 1), n.Attrs.Int("offset_group", 1)
		win := windowAttrs(n, 2)
		join := func(parts ...*graph.Value) *graph.Value { return b.Op("Concat", graph.Attrs{"axis": 0}, parts...) }
		image, kernel, out := spatialSizes(b, x).in(b), spatialSizes(b, w).in(b), spatialSizes(b, offset).in(b)
		moves := b.Op("Reshape", nil, offset, join(b.Ints(-1), kernel, b.Ints(2), out)) // (N·groups, kernel, 2, positions)
		along := func(axis int, sizes *graph.Value, step, from int64, shape ...int64) *graph.Value {
			count := b.Op("Gather", nil, sizes, b.Int(int64(axis)))
			numbers := b.Op("Range", nil, b.Int(0), count, b.Int(1))
			return b.CastLike(b.Reshape(b.Sub(b.Mul(numbers, b.Int(step)), b.Int(from)), shape...), x)
		}
		coordinate := func(axis int, place, tap []int64) *graph.Value {
			at := b.Add(along(axis, out, win.stride[axis], win.before[axis], place...),
				along(axis, kernel, win.dilation[axis], 0, tap...))
			at = b.Add(at, b.Op("Gather", graph.Attrs{"axis": 3}, moves, b.Int(int64(axis))))
			// A pixel's centre is (2i+1)/size - 1 in GridSample's terms.
			size := b.CastLike(b.Op("Gather", nil, image, b.Int(int64(axis))), x)
			unit := b.Sub(b.Div(b.Add(b.Mul(at, b.Like(x, 2)), b.Like(x, 1)), size), b.Like(x, 1))
			return b.Op("Unsqueeze", nil, unit, b.Ints(-1))
		}
		points := b.Op("Concat", graph.Attrs{"axis": -1},
			coordinate(1, []int64{-1}, []int64{-1, 1, 1}), coordinate(0, []int64{-1, 1}, []int64{-1, 1, 1, 1}))
		width := b.Op("Slice", nil, out, b.Ints(1), b.Ints(2))
		grid := b.Op("Reshape", nil, points, join(b.Ints(0, -1), width, b.Ints(2)))
		split := b.Op("Reshape", nil, x, join(b.Ints(0, offsetGroup, -1), image))
		split = b.Op("Reshape", nil, split, join(b.Ints(-1), b.Op("Shape", graph.Attrs{"start": 2}, split)))
		mode := "linear"
		if b.Opsets[""] < 20 {
			mode = "bilinear"
		}
		columns := b.Op("GridSample", graph.Attrs{"mode": mode}, split, grid)
		if mask := n.Input(4); mask != nil {
			tail := b.Op("Shape", graph.Attrs{"start": 2}, columns)
			columns = b.Mul(columns, b.Op("Reshape", nil, mask, join(b.Ints(-1, 1), tail)))
		}
		batch := b.Op("Shape", graph.Attrs{"end": 1}, x)
		positions := b.Op("ReduceProd", graph.Attrs{"keepdims": 1}, out)
		columns = b.Op("Reshape", nil, columns, join(batch, b.Ints(group, -1), positions))
		reads := b.Op("ReduceProd", graph.Attrs{"keepdims": 1}, b.Op("Shape", graph.Attrs{"start": 1}, w))
		weights := b.Op("Reshape", nil, w, join(b.Ints(group, -1), reads))
		y := b.Op("Reshape", nil, b.Op("MatMul", nil, weights, columns), join(batch, b.Ints(-1), out))
		if bias := n.Input(3); bias != nil {
			y = b.Add(y, b.Reshape(bias, 1, -1, 1, 1))
		}
		return []*graph.Value{y}
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalDeformConv[float32](c)
		case graph.Float64:
			return evalDeformConv[float64](c)
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Exact: Rounding,
	Cases: `
		moved  [1 1 2 3] 0..5  [1 1 1 2] 1 10
			[1 4 2 2] 0.5 0.25 -0.25 0.125 0.25 0.25 0.5 0.5 0.25 0.25 0.25 -0.5 -0.5 0.25 0.75 0.25
			->  [1 1 2 2] 14.25 22.625 38.375 30.1875
		masked pads=[1,0,0,0] strides=[2,1] group=2 offset_group=2  [1 2 3 2] 1..12  [2 1 1 1] 2 -1
			[1 4 2 2] 0.25 -0.25 0.125 0.0625 0.5 0.25 0.125 0.25 -0.5 -0.25 0.75 0.5 0.125 0.25 0.375 0.5
			[2] 10 20  [1 2 2 2] 0.5 1 2 1 3 1 0.5 0.25  ->  [1 2 2 2] 10.375 10 23.5 16.1875 20 20 14.5625 18.625
		shape  [1 1 2 2] 0..3  [1 1 1 1] 1  [1 2 1 1] 0 0  ->  error "offsets"`,
})

// evalDeformConv writes what every element of the kernel sees into columns and multiplies.
func evalDeformConv[T float32 | float64](c *Call) ([]*graph.Tensor, error) {
	x, w, offset, bias, mask := c.In[0], c.In[1], c.In[2], c.Input(3), c.Input(4)
	win, group, out, err := convShape(c.Node, x, w, bias)
	if err != nil {
		return nil, err
	}
	moved := c.Node.Attrs.Int("offset_group", 1)
	taps, _ := graph.NumElements(win.kernel)
	if len(out) != 2 || moved < 1 || x.Shape[1]%moved != 0 ||
		offset.DType != x.DType || !slices.Equal(offset.Shape, []int64{x.Shape[0], moved * taps * 2, out[0], out[1]}) {
		return nil, fmt.Errorf("offsets are %s for images %s, a kernel %v and a result %v", offset, x, win.kernel, out)
	}
	if mask != nil && (mask.DType != x.DType || !slices.Equal(mask.Shape, []int64{x.Shape[0], moved * taps, out[0], out[1]})) {
		return nil, fmt.Errorf("the mask is %s for offsets %s", mask, offset)
	}
	y, err := outputOf(c, x.DType, slices.Concat([]int64{x.Shape[0], w.Shape[0]}, out))
	if err != nil {
		return nil, err
	}
	channels, positions := int(x.Shape[1]), int(out[0]*out[1])
	if size, ok := graph.NumElements([]int64{x.Shape[1], taps, out[0], out[1]}); !ok || size > maxBytes/8 {
		return nil, fmt.Errorf("a kernel %v over images %s", win.kernel, x)
	}
	k, plane := int(taps), int(x.Shape[2]*x.Shape[3])
	xs, ws, os, ys := graph.Data[T](x), graph.Data[T](w), graph.Data[T](offset), graph.Data[T](y)
	columns := make([]T, channels*k*positions)
	for n := range int(x.Shape[0]) {
		err := Parallel(c, channels*k, 1+1<<13/max(1, positions), func(lo, hi int) error {
			for row := lo; row < hi; row++ {
				ch, tap := row/k, row%k
				set := n*int(moved) + ch/(channels/int(moved)) // of offsets
				image := xs[(n*channels+ch)*plane:][:plane]
				for q := range positions {
					v := float64(q/int(out[1])*int(win.stride[0])+tap/int(win.kernel[1])*int(win.dilation[0])) - float64(win.before[0])
					u := float64(q%int(out[1])*int(win.stride[1])+tap%int(win.kernel[1])*int(win.dilation[1])) - float64(win.before[1])
					v += float64(os[((set*k+tap)*2)*positions+q])
					u += float64(os[((set*k+tap)*2+1)*positions+q])
					seen := bilinear(image, int(x.Shape[2]), int(x.Shape[3]), v, u)
					if mask != nil {
						seen *= float64(graph.Data[T](mask)[(set*k+tap)*positions+q])
					}
					columns[row*positions+q] = T(seen)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		m, reads := int(w.Shape[0]/group), int(w.Shape[1])*k
		for g := range int(group) {
			result := ys[(n*int(w.Shape[0])+g*m)*positions:][:m*positions]
			if bias != nil {
				for i := range result {
					result[i] = graph.Data[T](bias)[g*m+i/positions]
				}
			}
			err := addProduct(c, 1, matrix[T]{Data: ws[g*m*reads:][:m*reads], Rows: m, Cols: reads, Stride: reads},
				matrix[T]{Data: columns[g*reads*positions:], Rows: reads, Cols: positions, Stride: positions},
				matrix[T]{Data: result, Rows: m, Cols: positions, Stride: positions})
			if err != nil {
				return nil, err
			}
		}
	}
	return []*graph.Tensor{y}, nil
}

// bilinear reads an image between its pixels; around it are zeros.
func bilinear[T float32 | float64](image []T, height, width int, v, u float64) float64 {
	if !(v > -1 && v < float64(height) && u > -1 && u < float64(width)) {
		return 0
	}
	top, left := math.Floor(v), math.Floor(u)
	sum := 0.0
	for i, p := range [2]float64{1 - (v - top), v - top} {
		for j, q := range [2]float64{1 - (u - left), u - left} {
			if row, col := int(top)+i, int(left)+j; row >= 0 && row < height && col >= 0 && col < width {
				sum += p * q * float64(image[row*width+col])
			}
		}
	}
	return sum
}
