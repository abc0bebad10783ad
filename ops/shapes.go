package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// sameAsFirst infers one output of the first input's type.
func sameAsFirst(c *Inference) ([]*graph.Type, error) {
	return []*graph.Type{c.Type(0).Clone()}, nil
}

// broadcastType infers the elementwise result of all inputs.
func broadcastType(c *Inference) ([]*graph.Type, error) {
	t, err := broadcastAll(c.In)
	return []*graph.Type{t}, err
}

// truthType infers the elementwise truth value of all inputs.
func truthType(c *Inference) ([]*graph.Type, error) {
	t, err := broadcastAll(c.In)
	if t != nil {
		t.DType = graph.Bool
	}
	return []*graph.Type{t}, err
}

func broadcastAll(in []*graph.Type) (*graph.Type, error) {
	var out *graph.Type
	for i, t := range in {
		switch {
		case t == nil:
			return nil, nil
		case i == 0:
			out = t.Clone()
		case t.DType != out.DType && t.DType != 0 && out.DType != 0:
			return nil, fmt.Errorf("inputs are %s and %s, want one element type", in[0], t)
		default:
			shape, err := broadcastDims(out.Shape, t.Shape)
			if err != nil {
				return nil, err
			}
			out.Shape = shape
		}
	}
	return out, nil
}

// broadcastDims joins two shapes, nil if one is unknown. A named dimension meets 1 as itself; against a fixed one other than 1 the
// fixed one holds.
func broadcastDims(a, b []graph.Dim) ([]graph.Dim, error) {
	if a == nil || b == nil {
		return nil, nil
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]graph.Dim{}, a...)
	for i, d := range b {
		o := &out[len(a)-len(b)+i]
		switch {
		case d == *o || d.Size == 1:
		case o.Size == 1:
			*o = d
		case d.Known() && o.Known():
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		case d.Known():
			*o = d
		case !o.Known():
			*o = graph.Sym("")
		}
	}
	return out, nil
}

// fixed are dimensions of known sizes.
func fixed(sizes []int64) []graph.Dim {
	dims := make([]graph.Dim, len(sizes))
	for i, size := range sizes {
		dims[i] = graph.D(size)
	}
	return dims
}

// axisOf normalises an axis of a tensor of the given rank.
func axisOf(axis int64, rank int) (int, error) {
	if axis < -int64(rank) || axis >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), nil
}

// int64s reads an int32 or int64 tensor. The result may be the tensor's own memory: do not write into it.
func int64s(t *graph.Tensor) ([]int64, error) {
	switch t.DType {
	case graph.Int64:
		return graph.Data[int64](t), nil
	case graph.Int32:
		x := graph.Data[int32](t)
		y := make([]int64, len(x))
		for i, v := range x {
			y[i] = int64(v)
		}
		return y, nil
	}
	return nil, fmt.Errorf("want int64, got %s", t)
}

// maxBytes bounds one output whose size comes from the data of an input.
const maxBytes = 1 << 34

// outputOf allocates an output whose shape comes from data: a size that is negative, overflows or exceeds 16 GiB is an error.
func outputOf(c *Call, d graph.DType, shape []int64) (*graph.Tensor, error) {
	n, ok := graph.NumElements(shape)
	size, fits := graph.ByteSize(d, n)
	if d == graph.String {
		size, fits = graph.ByteSize(graph.Complex128, n) // a string's header has as many bytes
	}
	if !ok || !fits || size > maxBytes {
		return nil, fmt.Errorf("an output of shape %v is beyond %d bytes", shape, int64(maxBytes))
	}
	return c.Output(d, shape...), nil
}
