package ops

import (
	"github.com/astronnx/astronnx/graph"
)

// STFT is the discrete Fourier transform of frames of a signal (N, length, parts), each begun a step after the last and
// weighted by a window; frames that would pass the end are left out, all of them where the signal is shorter than one.
// The result is (N, frames, frequencies, 2); onesided keeps the first length/2+1 frequencies.
// https://onnx.ai/onnx/operators/onnx__STFT.html
var _ = define(Op{
	Name: "STFT", Since: 17,
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, window := n.In[0], n.Input(2)
		step, size := asScalar(b, n.In[1]), n.Input(3)
		length := asScalar(b, b.Op("Shape", graph.Attrs{"start": 1, "end": 2}, x))
		switch {
		case size != nil:
			size = asScalar(b, size)
		case window != nil:
			size = asScalar(b, b.Op("Shape", nil, window))
		default:
			size = length
		}
		zero, one := b.Int(0), b.Int(1)
		frames := b.Div(b.Add(b.Sub(length, size), step), step)
		begins := b.Reshape(b.Mul(b.Op("Range", nil, zero, frames, one), step), -1, 1)
		index := b.Add(begins, b.Op("Range", nil, zero, size, one))
		y := b.Op("Gather", graph.Attrs{"axis": 1}, x, index)
		if window != nil {
			y = b.Mul(y, b.Reshape(window, -1, 1))
		}
		attrs, in := graph.Attrs{"onesided": n.Attrs.Int("onesided", 1)}, []*graph.Value{y, nil, b.Int(2)}
		if b.Opsets[""] < 20 {
			attrs["axis"], in = 2, in[:1]
		}
		return []*graph.Value{b.Op("DFT", attrs, in...)}
	},
	Exact: Tolerance{Rel: 1e-5, Abs: 1e-5},
	Grow:  Fixed,
	Cases: `
		frames !sized  [1 5 1] 1 2 3 4 5  i64[] 2  _  i64[] 3  ->  [1 2 2 2] 6 0 -1.5 0.8660254 12 0 -1.5 0.8660254
		window !sized  onesided=0  [1 3 1] 1 2 3  i64[] 1  [2] 0.5 2  ->  [1 2 2 2] 4.5 0 -3.5 0 7 0 -5 0
		parts  !sized  onesided=0  [1 2 2] 1 2 3 -1  i32[] 2  _  i32[] 2  ->  [1 1 2 2] 4 1 -2 3
		short  !sized  [1 2 1] 1 2  i64[] 1  _  i64[] 5  ->  [1 0 3 2]
		nothing [1 2 1] 1 2  i64[] 1  _  i64[] -3  ->  error "length 0"
		still  [1 2 1] 1 2  i64[] 0  _  i64[] 2  ->  error`,
})

// asScalar views one integer as an int64 of rank 0.
func asScalar(b *Builder, v *graph.Value) *graph.Value {
	if v.Type == nil || v.Type.DType != graph.Int64 {
		v = b.Op("Cast", graph.Attrs{"to": graph.Int64}, v)
	}
	if v.Type.Rank() == 0 {
		return v
	}
	return b.Reshape(v)
}
