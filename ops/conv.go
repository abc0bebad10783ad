package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Conv is the cross-correlation of (N, C, D1, ..., Dk) with weights (M, C/group, K1, ..., Kk), plus a bias (M).
// https://onnx.ai/onnx/operators/onnx__Conv.html
var _ = define(Op{
	Name: "Conv", Since: 1,
	Infer: inferConv,
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalConv[float32](c, c.In[0], c.In[1], c.Input(2))
		case graph.Float64:
			return evalConv[float64](c, c.In[0], c.In[1], c.Input(2))
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Grad:  convGrad,
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		line    [1 1 4] 1 2 3 4  [1 1 2] 1 -1  ->  [1 1 3] -1 -1 -1
		padded  pads=[1,0] strides=[2]  [1 1 3] 1 2 3  [1 1 2] 1 10  [1] 100  ->  [1 1 2] 110 132
		plane   pads=[1,1,1,1]  [1 1 2 2] 1 2 3 4  [1 1 3 3] 0 1 0 1 1 1 0 1 0  ->  [1 1 2 2] 6 7 8 9
		groups  group=2  [1 2 2] 1 2 3 4  [2 1 1] 10 100  ->  [1 2 2] 10 20 300 400
		dilated dilations=[2]  [1 1 4] 1 2 3 4  [1 1 2] 1 1  ->  [1 1 2] 4 6
		same    auto_pad="SAME_UPPER" strides=[2]  [1 1 3] 1 2 3  [1 1 2] 1 1  ->  [1 1 2] 3 3
		cube    [1 1 2 2 2] 1 2 3 4 5 6 7 8  [1 1 2 2 2] 1*8  ->  [1 1 1 1 1] 36
		strided strides=[2,1,1] pads=[1,0,0,0,0,0]  [1 1 3 1 2] 1 2 3 4 5 6  [1 1 2 1 2] 1 2 3 4  ->  [1 1 2 1 1] 11 50
		groups2 group=2 strides=[2,2] pads=[1,1,0,0]  [1 2 2 2] 1 2 3 4 5 6 7 8  [2 1 2 2] 1 2 3 4 5 6 7 8
			->  [1 2 1 1] 4 40
		uneven  strides=[2]  [1 2 3] 1 2 3 4 5 6  [1 2 2] 1 2 3 4  ->  [1 1 1] 37`,
})

func inferConv(c *Inference) ([]*graph.Type, error) {
	x, w := c.Type(0), c.Type(1)
	if x.Rank() < 0 || w.Rank() < 0 {
		return []*graph.Type{withoutShape(x.Clone())}, nil
	}
	if x.Rank() != w.Rank() || x.Rank() < 3 {
		return nil, fmt.Errorf("input is %s, weights %s, want (N, C, ...) and (M, C/group, ...)", x, w)
	}
	group := c.Node.Attrs.Int("group", 1)
	if ch, per := x.Shape[1], w.Shape[1]; ch.Known() && per.Known() && ch.Size != per.Size*group {
		return nil, fmt.Errorf("input is %s, weights %s in %d groups: want %d channels", x, w, group, per.Size*group)
	}
	kernel := w.Sizes()[2:]
	for _, k := range kernel {
		if k < 0 {
			kernel = c.Node.Attrs.Ints("kernel_shape", nil)
		}
	}
	t := x.Clone()
	if kernel == nil {
		for i := range t.Shape[1:] {
			t.Shape[i+1] = graph.Sym("")
		}
		return []*graph.Type{t}, nil
	}
	win, err := windowOf(c.Node.Attrs, kernel)
	if err != nil {
		return nil, err
	}
	t, err = inferWindow(x, win, &w.Shape[0])
	return []*graph.Type{t}, err
}

// convShape checks the channels of a convolution and returns its window and sizes.
func convShape(n *graph.Node, x, w, bias *graph.Tensor) (win *window, group int64, out []int64, err error) {
	group = n.Attrs.Int("group", 1)
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) || group < 1 {
		return nil, 0, nil, fmt.Errorf("input is %s, weights %s in %d groups, want (N, C, ...) and (M, C/group, ...)", x, w, group)
	}
	m := w.Shape[0]
	if x.Shape[1] != w.Shape[1]*group || m%group != 0 {
		return nil, 0, nil, fmt.Errorf("input is %s, weights %s in %d groups: want %d channels", x, w, group, w.Shape[1]*group)
	}
	if bias != nil && (bias.Len() != m || bias.DType != x.DType) || w.DType != x.DType {
		return nil, 0, nil, fmt.Errorf("input is %s, weights %s, bias %s, want one type and a bias of %d", x, w, bias, m)
	}
	if win, err = windowOf(n.Attrs, w.Shape[2:]); err != nil {
		return nil, 0, nil, err
	}
	out, err = win.fitAll(x.Shape[2:])
	return win, group, out, err
}

// evalConv copies what the windows see into columns and multiplies, some thousand positions at a time.
func evalConv[T Real](c *Call, x, w, bias *graph.Tensor) ([]*graph.Tensor, error) {
	win, group, out, err := convShape(c.Node, x, w, bias)
	if err != nil {
		return nil, err
	}
	taps, err := win.taps(x.Shape[2:], out)
	if err != nil {
		return nil, err
	}
	y, err := outputOf(c, x.DType, append([]int64{x.Shape[0], w.Shape[0]}, out...))
	if err != nil {
		return nil, err
	}
	xs, ws, ys := graph.Data[T](x), graph.Data[T](w), graph.Data[T](y)
	plane64, _ := graph.NumElements(x.Shape[2:])
	positions64, _ := graph.NumElements(out)
	k64, _ := graph.NumElements(win.kernel)
	plane, positions, k := int(plane64), int(positions64), int(k64)
	ch, m := int(w.Shape[1]), int(w.Shape[0]/group)
	if bias != nil {
		for i, b := range graph.Data[T](bias) {
			for n := range int(x.Shape[0]) {
				row := ys[(n*int(w.Shape[0])+i)*positions:][:positions]
				for p := range row {
					row[p] = b
				}
			}
		}
	}
	if positions == 0 || ch == 0 || m == 0 {
		return []*graph.Tensor{y}, nil
	}
	panel := min(positions, max(64, 1<<19/(ch*k)))
	columns := make([]T, ch*k*panel)
	for n := range int(x.Shape[0]) {
		for g := range int(group) {
			image := xs[(n*int(x.Shape[1])+g*ch)*plane:]
			weights := matrix[T]{Data: ws[g*m*ch*k:][:m*ch*k], Rows: m, Cols: ch * k, Stride: ch * k}
			for lo := 0; lo < positions; lo += panel {
				hi := min(lo+panel, positions)
				err := parallel(c, ch, max(1, 1<<14/(k*(hi-lo))), func(from, to int) error {
					for i := from; i < to; i++ {
						column(columns[i*k*panel:], image[i*plane:][:plane], taps[lo*k:hi*k], k, panel)
					}
					return nil
				})
				if err != nil {
					return nil, err
				}
				cols := matrix[T]{Data: columns, Rows: ch * k, Cols: hi - lo, Stride: panel}
				result := matrix[T]{Data: ys[(n*int(w.Shape[0])+g*m)*positions+lo:], Rows: m, Cols: hi - lo, Stride: positions}
				if err := addProduct(c, 1, weights, cols, result); err != nil {
					return nil, err
				}
			}
		}
	}
	return []*graph.Tensor{y}, nil
}

// column writes the k rows that one channel gives to the columns of consecutive output positions.
func column[T any](rows, image []T, taps []int32, k, stride int) {
	var zero T
	for j := range k {
		row := rows[j*stride:]
		for p, i := 0, j; i < len(taps); p, i = p+1, i+k {
			if at := taps[i]; at >= 0 {
				row[p] = image[at]
			} else {
				row[p] = zero
			}
		}
	}
}

func convGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, w, group := n.In[0], n.In[1], n.Attrs.Int("group", 1)
	s := sweepOf(b, n, w, spatialSizes(b, x), spatialSizes(b, dy[0]))
	grads := []*graph.Value{s.inputGrad(b, dy[0], w, group), s.weightGrad(b, x, dy[0], w, group)}
	if n.Input(2) != nil {
		grads = append(grads, sumOverImages(b, dy[0], s.k))
	}
	return grads
}
