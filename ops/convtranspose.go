package ops

import (
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// ConvTranspose is the adjoint of Conv in its input: (N, C, D1, ..., Dk) with weights (C, M/group, K1, ..., Kk), plus a bias (M).
// https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
var _ = define(Op{
	Name: "ConvTranspose", Since: 1,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x, w := c.Type(0), c.Type(1)
		if x.Rank() < 3 || w.Rank() != x.Rank() || slices.Contains(w.Sizes()[2:], -1) {
			return []*graph.Type{withoutShape(x.Clone())}, nil
		}
		t := x.Clone()
		t.Shape[1] = graph.Sym("")
		if per := w.Shape[1]; per.Known() {
			t.Shape[1] = graph.D(per.Size * c.Node.Attrs.Int("group", 1))
		}
		win, err := windowOf(c.Node.Attrs, w.Sizes()[2:])
		if err != nil {
			return nil, err
		}
		for i := range win.kernel {
			t.Shape[i+2] = graph.Sym("")
			if d := x.Shape[i+2]; d.Known() {
				size, err := transposedSize(c.Node, win, i, d.Size)
				if err != nil {
					return nil, err
				}
				t.Shape[i+2] = graph.D(size)
			}
		}
		return []*graph.Type{t}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		switch c.In[0].DType {
		case graph.Float32:
			return evalConvTranspose[float32](c, c.In[0], c.In[1], c.Input(2))
		case graph.Float64:
			return evalConvTranspose[float64](c, c.In[0], c.In[1], c.Input(2))
		}
		return nil, unsupported(c, c.In[0].DType)
	}),
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		x, w := n.In[0], n.In[1]
		s := sweepOf(b, n, w, spatialSizes(b, dy[0]), spatialSizes(b, x))
		grads := []*graph.Value{s.forward(b, b.Target, dy[0], w, nil), s.weightGrad(b, b.Target, dy[0], x)}
		if n.Input(2) != nil {
			grads = append(grads, sumOverImages(b, dy[0], s.k))
		}
		return grads
	},
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		line    [1 1 2] 1 2  [1 1 2] 1 10  ->  [1 1 3] 1 12 20
		strided strides=[2] output_padding=[1]  [1 1 2] 1 2  [1 1 2] 1 10  ->  [1 1 5] 1 10 2 20 0
		padded  strides=[2] pads=[1,1]  [1 1 2] 1 2  [1 1 3] 1 2 3  [1] 100  ->  [1 1 3] 102 105 104
		groups  group=2  [1 2 1] 1 2  [2 1 2] 1 2 3 4  ->  [1 2 2] 1 2 6 8
		plane   [1 1 1 2] 1 2  [1 1 2 1] 1 3  ->  [1 1 2 2] 1 2 3 6
		shaped  strides=[2] output_shape=[4]  [1 1 2] 1 2  [1 1 3] 1 2 3  ->  [1 1 4] 2 5 4 6`,
})

// transposedSize returns the output size along axis i and settles the pads there.
func transposedSize(n *graph.Node, w *window, i int, in int64) (int64, error) {
	extra := at(n.Attrs.Ints("output_padding", nil), i)
	full := (in-1)*w.stride[i] + w.extent(i) + extra
	want := int64(-1)
	shape := n.Attrs.Ints("output_shape", nil)
	switch {
	case shape != nil:
		want = at(shape[max(0, len(shape)-len(w.kernel)):], i)
	case w.auto == "SAME_UPPER" || w.auto == "SAME_LOWER":
		want = in * w.stride[i]
	}
	if want >= 0 {
		total := max(0, full-want)
		w.before[i] = (total + 1) / 2
		if w.auto == "SAME_UPPER" {
			w.before[i] = total / 2
		}
		w.after[i] = total - w.before[i]
		return want, nil
	}
	size := full - w.before[i] - w.after[i]
	if size < 0 || extra < 0 {
		return 0, fmt.Errorf("pads %v and %v leave nothing of a result of %d", w.before, w.after, full)
	}
	return size, nil
}

// evalConvTranspose multiplies and adds each column to where the windows of the convolution would have read it.
func evalConvTranspose[T float32 | float64](c *Call, x, w, bias *graph.Tensor) ([]*graph.Tensor, error) {
	group := c.Node.Attrs.Int("group", 1)
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) || group < 1 || x.Shape[1] != w.Shape[0] || x.Shape[1]%group != 0 {
		return nil, fmt.Errorf("input is %s, weights %s in %d groups, want (N, C, ...) and (C, M/group, ...)", x, w, group)
	}
	m := w.Shape[1] * group
	if bias != nil && (bias.Len() != m || bias.DType != x.DType) || w.DType != x.DType {
		return nil, fmt.Errorf("input is %s, weights %s, bias %s, want one type and a bias of %d", x, w, bias, m)
	}
	win, err := windowOf(c.Node.Attrs, w.Shape[2:])
	if err != nil {
		return nil, err
	}
	in := x.Shape[2:]
	out := make([]int64, len(in))
	for i, d := range in {
		if out[i], err = transposedSize(c.Node, win, i, d); err != nil {
			return nil, err
		}
	}
	taps, err := win.taps(out, in)
	if err != nil {
		return nil, err
	}
	y, err := outputOf(c, x.DType, append([]int64{x.Shape[0], m}, out...))
	if err != nil {
		return nil, err
	}
	xs, ws, ys := graph.Data[T](x), graph.Data[T](w), graph.Data[T](y)
	plane64, _ := graph.NumElements(in)
	positions64, _ := graph.NumElements(out)
	k64, _ := graph.NumElements(win.kernel)
	plane, positions, k := int(plane64), int(positions64), int(k64)
	ch, per := int(x.Shape[1]/group), int(w.Shape[1])
	if plane == 0 || ch == 0 || per == 0 {
		return []*graph.Tensor{y}, nil
	}
	columns := make([]T, per*k*plane)
	for n := range int(x.Shape[0]) {
		for g := range int(group) {
			clear(columns)
			weights := matrix[T]{Data: ws[g*ch*per*k:][:ch*per*k], Rows: ch, Cols: per * k, Stride: per * k, Transposed: true}
			image := matrix[T]{Data: xs[(n*int(x.Shape[1])+g*ch)*plane:][:ch*plane], Rows: ch, Cols: plane, Stride: plane}
			if err := addProduct(c, 1, weights, image, matrix[T]{Data: columns, Rows: per * k, Cols: plane, Stride: plane}); err != nil {
				return nil, err
			}
			for i := range per {
				channel := g*per + i
				result := ys[(n*int(m)+channel)*positions:][:positions]
				if bias != nil {
					b := graph.Data[T](bias)[channel]
					for p := range result {
						result[p] = b
					}
				}
				for j := range k {
					for p, v := range columns[(i*k+j)*plane:][:plane] {
						if at := taps[p*k+j]; at >= 0 {
							result[at] += v
						}
					}
				}
			}
		}
	}
	return []*graph.Tensor{y}, nil
}
