package ops

import (
	"fmt"
	"slices"

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

// evalConv multiplies the weights by what the windows see of the image, which is copied once, with its padding.
func evalConv[T Real](c *Call, x, w, bias *graph.Tensor) ([]*graph.Tensor, error) {
	win, group, out, err := convShape(c.Node, x, w, bias)
	if err != nil {
		return nil, err
	}
	y, err := outputOf(c, x.DType, append([]int64{x.Shape[0], w.Shape[0]}, out...))
	if err != nil {
		return nil, err
	}
	p, err := win.padding(x.Shape[2:], out)
	if err != nil {
		return nil, err
	}
	element, position := win.reads(p.full, out)
	xs, ws, ys := graph.Data[T](x), graph.Data[T](w), graph.Data[T](y)
	ch, m, k, positions := int(w.Shape[1]), int(w.Shape[0]/group), len(element), len(position)
	if bias != nil {
		fillRows(ys, graph.Data[T](bias), positions)
	}
	if positions == 0 || ch == 0 || m == 0 {
		return []*graph.Tensor{y}, nil
	}
	elements := make([]int64, 0, ch*k) // of all channels of a group
	for i := range ch {
		for _, e := range element {
			elements = append(elements, int64(i*p.size)+e)
		}
	}
	// Small images are shared out whole; large ones are shared out by the product.
	images := int(x.Shape[0] * group)
	return []*graph.Tensor{y}, Parallel(c, images, 1<<20/(m*ch*k*positions)+1, func(lo, hi int) error {
		var room []T
		if !p.none() {
			room = make([]T, ch*p.size)
		}
		for i := lo; i < hi; i++ {
			g := i % int(group)
			image := xs[i*ch*p.plane:][:ch*p.plane]
			if room != nil {
				pad(p, room, image)
				image = room
			}
			weights := matrix[T]{Data: ws[g*m*ch*k:][:m*ch*k], Rows: m, Cols: ch * k, Stride: ch * k}
			result := matrix[T]{Data: ys[i*m*positions:][:m*positions], Rows: m, Cols: positions, Stride: positions}
			if err := addWindows(c, weights, windows[T]{image, elements, position}, result); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillRows sets the rows of y, n elements each, to the values in turn.
func fillRows[T any](y, values []T, n int) {
	for i := 0; i*n < len(y); i++ {
		row := y[i*n:][:n]
		for j := range row {
			row[j] = values[i%len(values)]
		}
	}
}

// padding is how an image is laid out so that all that the windows read lies within it.
type padding struct {
	in, before, full []int64
	plane, size      int // elements of a channel, before and after
}

// padding lays out images of the spatial sizes in for windows at the positions out.
func (w *window) padding(in, out []int64) (*padding, error) {
	p := &padding{in: in, before: w.before, full: make([]int64, len(in))}
	for i, n := range out {
		p.full[i] = max(in[i]+w.before[i], (n-1)*w.stride[i]+w.extent(i))
	}
	plane, ok := graph.NumElements(in)
	size, ok2 := graph.NumElements(p.full)
	if !ok || !ok2 || size > maxBytes/8 {
		return nil, fmt.Errorf("a window of %v over %v is too large", w.kernel, in)
	}
	p.plane, p.size = int(plane), int(size)
	return p, nil
}

func (p *padding) none() bool { return slices.Equal(p.in, p.full) }

// pad copies the channels of an image into room, whose padding is zero.
func pad[T any](p *padding, room, image []T) {
	last := len(p.in) - 1
	n, strides := int(p.in[last]), Strides(p.full)
	if p.plane == 0 {
		return
	}
	at, lines := make([]int64, last), p.plane/n
	for from, channel := 0, 0; from < len(image); channel++ {
		clear(at)
		for range lines {
			to := channel*p.size + int(p.before[last])
			for i, v := range at {
				to += int(v+p.before[i]) * strides[i]
			}
			copy(room[to:to+n], image[from:])
			from += n
			increment(at, p.in[:last])
		}
	}
}

// reads lists where the elements of the window and its positions lie in an image of the spatial sizes full: an element at a
// position reads at the sum of both.
func (w *window) reads(full, out []int64) (element, position []int64) {
	strides := Strides(full)
	list := func(shape, step []int64) []int64 {
		n, _ := graph.NumElements(shape)
		offsets, at := make([]int64, n), make([]int64, len(shape))
		for i := range offsets {
			for axis, v := range at {
				offsets[i] += v * step[axis] * int64(strides[axis])
			}
			increment(at, shape)
		}
		return offsets
	}
	return list(w.kernel, w.dilation), list(out, w.stride)
}

func convGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	x, w := n.In[0], n.In[1]
	s := sweepOf(b, n, w, spatialSizes(b, x), spatialSizes(b, dy[0]))
	grads := []*graph.Value{s.inputGrad(b, b.Target, dy[0], w), s.weightGrad(b, b.Target, x, dy[0])}
	if n.Input(2) != nil {
		grads = append(grads, sumOverImages(b, dy[0], s.k))
	}
	return grads
}
