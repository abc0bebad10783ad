package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// window is what convolutions and pools slide over the spatial axes of (N, C, D1, ..., Dk).
type window struct {
	kernel, stride, dilation []int64
	before, after            []int64
	auto                     string
	ceil                     bool
}

// windowOf reads the attributes; kernel is the shape that the weights give, nil where the attribute must.
func windowOf(a graph.Attrs, kernel []int64) (*window, error) {
	given := a.Ints("kernel_shape", nil)
	if kernel == nil {
		kernel = given
	} else if given != nil && !slices.Equal(given, kernel) {
		return nil, fmt.Errorf("kernel_shape is %v, the weights have %v", given, kernel)
	}
	k := len(kernel)
	w := &window{
		kernel: kernel, auto: a.Str("auto_pad", "NOTSET"), ceil: a.Bool("ceil_mode", false),
		stride:   a.Ints("strides", slices.Repeat([]int64{1}, k)),
		dilation: a.Ints("dilations", slices.Repeat([]int64{1}, k)),
	}
	pads := a.Ints("pads", make([]int64, 2*k))
	if len(w.stride) != k || len(w.dilation) != k || len(pads) != 2*k || k == 0 {
		return nil, fmt.Errorf("kernel %v, strides %v, dilations %v and pads %v do not agree", kernel, w.stride, w.dilation, pads)
	}
	w.before, w.after = slices.Clone(pads[:k]), slices.Clone(pads[k:])
	for i := range k {
		for _, v := range []int64{kernel[i], w.stride[i], w.dilation[i]} {
			if v < 1 || v > math.MaxInt32 {
				return nil, fmt.Errorf("kernel %v, strides %v, dilations %v: want them positive", kernel, w.stride, w.dilation)
			}
		}
		if _, ok := graph.NumElements(kernel); !ok || w.before[i] < 0 || w.after[i] < 0 || pads[i] > math.MaxInt32 {
			return nil, fmt.Errorf("kernel %v with pads %v", kernel, pads)
		}
	}
	switch w.auto {
	case "NOTSET", "SAME_UPPER", "SAME_LOWER":
	case "VALID":
		w.before, w.after = make([]int64, k), make([]int64, k)
	default:
		return nil, fmt.Errorf("auto_pad %q, want NOTSET, SAME_UPPER, SAME_LOWER or VALID", w.auto)
	}
	return w, nil
}

// extent is the number of input elements that a window spans along axis i.
func (w *window) extent(i int) int64 { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// fit returns the output size along axis i for an input of the given size and settles automatic pads.
func (w *window) fit(i int, in int64) (int64, error) {
	s, e := w.stride[i], w.extent(i)
	if w.auto == "SAME_UPPER" || w.auto == "SAME_LOWER" {
		out := (in + s - 1) / s
		total := max(0, (out-1)*s+e-in)
		w.before[i] = total / 2
		if w.auto == "SAME_LOWER" {
			w.before[i] = (total + 1) / 2
		}
		w.after[i] = total - w.before[i]
		return out, nil
	}
	room := in + w.before[i] + w.after[i] - e
	if room < 0 {
		return 0, fmt.Errorf("a window of %d does not fit an axis of %d with pads %d and %d", e, in, w.before[i], w.after[i])
	}
	out := room/s + 1
	if w.ceil && room%s != 0 && out*s < in+w.before[i] { // the further window must begin before the padding at the end
		out++
	}
	return out, nil
}

// fitAll is fit along every axis.
func (w *window) fitAll(in []int64) ([]int64, error) {
	if len(in) != len(w.kernel) {
		return nil, fmt.Errorf("a window of %d axes over %d", len(w.kernel), len(in))
	}
	out := make([]int64, len(in))
	for i, n := range in {
		var err error
		if out[i], err = w.fit(i, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// outside marks a tap of [window.taps] that lies in the padding.
const outside = -1

// taps lists, for every output position in order and every element of the kernel, the input position it reads, or outside.
func (w *window) taps(in, out []int64) ([]int32, error) {
	plane, ok := graph.NumElements(in)
	positions, ok2 := graph.NumElements(out)
	size, _ := graph.NumElements(w.kernel)
	total, ok3 := graph.NumElements([]int64{positions, size})
	if !ok || !ok2 || !ok3 || plane > math.MaxInt32 || total > maxBytes/4 {
		return nil, fmt.Errorf("a window of %v over %v is too large", w.kernel, in)
	}
	table := make([]int32, 0, total)
	at, k := make([]int64, len(out)), make([]int64, len(out))
	strides := Strides(in)
	for range positions {
		clear(k)
		for range size {
			offset := int32(0)
			for i := range k {
				p := at[i]*w.stride[i] + k[i]*w.dilation[i] - w.before[i]
				if p < 0 || p >= in[i] {
					offset = outside
					break
				}
				offset += int32(p) * int32(strides[i])
			}
			table = append(table, offset)
			increment(k, w.kernel)
		}
		increment(at, out)
	}
	return table, nil
}

// increment counts index up within shape, last axis first.
func increment(index, shape []int64) {
	for i := len(index) - 1; i >= 0; i-- {
		if index[i]++; index[i] < shape[i] {
			return
		}
		index[i] = 0
	}
}

// inferWindow types the spatial axes of an output; channels replaces axis 1 unless nil.
func inferWindow(t *graph.Type, w *window, channels *graph.Dim) (*graph.Type, error) {
	out := t.Clone()
	if t.Rank() != len(w.kernel)+2 {
		return nil, fmt.Errorf("input is %s, want rank %d for a kernel %v", t, len(w.kernel)+2, w.kernel)
	}
	if channels != nil {
		out.Shape[1] = *channels
	}
	for i := range w.kernel {
		out.Shape[i+2] = graph.Sym("")
		if d := t.Shape[i+2]; d.Known() {
			n, err := w.fit(i, d.Size)
			if err != nil {
				return nil, err
			}
			out.Shape[i+2] = graph.D(n)
		}
	}
	return out, nil
}
