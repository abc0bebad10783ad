package sky

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// Reorder returns the map in another numbering. The columns of a map already in it are shared with the result.
func (m *Map) Reorder(to healpix.Order) (*Map, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	out := *m
	out.Columns = slices.Clone(m.Columns)
	if to == m.Order {
		return &out, nil
	}
	out.Order = to
	if _, err := healpix.New(m.Nside, to); err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	if m.Pixels == nil {
		for i, c := range m.Columns {
			out.Columns[i].Data = graph.NewTensor(c.Data.DType, c.Data.Shape...)
			if err := reorder(out.Columns[i].Data, c.Data, m.Order, to); err != nil {
				return nil, err
			}
		}
		return &out, nil
	}
	grid, err := healpix.New(m.Nside, m.Order)
	if err != nil {
		return nil, err
	}
	out.Pixels = make([]int64, len(m.Pixels))
	for i, p := range m.Pixels {
		out.Pixels[i] = int64(grid.Convert(int(p), to))
	}
	perm := sortPixels(out.Pixels)
	for i, c := range m.Columns {
		out.Columns[i].Data = permute(c.Data, perm)
	}
	return &out, nil
}

// Full returns the map on all 12 nside² pixels, those that m does not hold set to fill. The columns of a full sky are shared
// with the result. An integer column cannot be filled with a value that it cannot store.
func (m *Map) Full(fill float64) (*Map, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	out := *m
	out.Columns = slices.Clone(m.Columns)
	if m.Pixels == nil {
		return &out, nil
	}
	out.Pixels = nil
	npix := int64(out.Len())
	for i, c := range m.Columns {
		value, err := fillValue(c.Data.DType, fill)
		if err != nil {
			return nil, errs.New(errs.Input, "column %q: %w", c.Name, err)
		}
		if npix > math.MaxInt/8 {
			return nil, errs.New(errs.Limit, "a full sky of nside %d does not fit in memory", m.Nside)
		}
		t := graph.NewTensor(c.Data.DType, npix)
		size := len(value)
		for at := 0; at < len(t.Raw); at += size {
			copy(t.Raw[at:], value)
		}
		for j, p := range m.Pixels {
			copy(t.Raw[int(p)*size:(int(p)+1)*size], c.Data.Raw[j*size:])
		}
		out.Columns[i].Data = t
	}
	return &out, nil
}

// fillValue returns the bytes of one element.
func fillValue(d graph.DType, v float64) ([]byte, error) {
	t := graph.NewTensor(d, 1)
	stored := math.NaN()
	switch d {
	case graph.Float32:
		graph.Data[float32](t)[0] = float32(v)
		return t.Raw, nil
	case graph.Float64:
		graph.Data[float64](t)[0] = v
		return t.Raw, nil
	case graph.Bool:
		graph.Data[bool](t)[0] = v == 1
	case graph.Uint64:
		if v >= 0 && v < 1<<64 {
			graph.Data[uint64](t)[0] = uint64(v)
		}
	default:
		if math.Abs(v) < 1<<62 {
			setInt64(t, int64(v))
		}
	}
	toFloat64(t, func(_ int, x float64) { stored = x })
	if stored != v {
		return nil, fmt.Errorf("%s cannot hold the fill value %g", d, v)
	}
	return t.Raw, nil
}

// setInt64 sets the one element of an integer tensor, cut to its size.
func setInt64(t *graph.Tensor, v int64) {
	for i := range t.Raw {
		t.Raw[i] = byte(v >> (8 * i))
	}
}

// toInt64 calls f with every element of an integer tensor of up to 63 bits.
func toInt64(t *graph.Tensor, f func(i int, v int64)) {
	switch t.DType {
	case graph.Uint8:
		eachInt(graph.Data[uint8](t), f)
	case graph.Int8:
		eachInt(graph.Data[int8](t), f)
	case graph.Uint16:
		eachInt(graph.Data[uint16](t), f)
	case graph.Int16:
		eachInt(graph.Data[int16](t), f)
	case graph.Uint32:
		eachInt(graph.Data[uint32](t), f)
	case graph.Int32:
		eachInt(graph.Data[int32](t), f)
	case graph.Int64:
		eachInt(graph.Data[int64](t), f)
	default:
		panic(fmt.Sprintf("sky: pixel numbers of type %s", t.DType))
	}
}

func eachInt[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](data []T, f func(i int, v int64)) {
	for i, v := range data {
		f(i, int64(v))
	}
}

// sortPixels sorts pixels in place and returns where each stood.
func sortPixels(pixels []int64) []int {
	perm := make([]int, len(pixels))
	for i := range perm {
		perm[i] = i
	}
	slices.SortStableFunc(perm, func(a, b int) int {
		switch {
		case pixels[a] < pixels[b]:
			return -1
		case pixels[a] > pixels[b]:
			return 1
		}
		return 0
	})
	sorted := make([]int64, len(pixels))
	for i, p := range perm {
		sorted[i] = pixels[p]
	}
	copy(pixels, sorted)
	return perm
}

// permute returns the tensor whose element i is t's element perm[i].
func permute(t *graph.Tensor, perm []int) *graph.Tensor {
	out := graph.NewTensor(t.DType, t.Shape...)
	size := t.DType.Bits() / 8
	for i, p := range perm {
		copy(out.Raw[i*size:(i+1)*size], t.Raw[p*size:])
	}
	return out
}

// reorder brings the values of a full sky into another numbering. Only the size of an element matters.
func reorder(dst, src *graph.Tensor, from, to healpix.Order) error {
	switch src.DType.Bits() {
	case 8:
		return healpix.Reorder(dst.Raw, src.Raw, from, to)
	case 16:
		return healpix.Reorder(view[uint16](dst.Raw), view[uint16](src.Raw), from, to)
	case 32:
		return healpix.Reorder(view[uint32](dst.Raw), view[uint32](src.Raw), from, to)
	default:
		return healpix.Reorder(view[uint64](dst.Raw), view[uint64](src.Raw), from, to)
	}
}
