package main

import (
	"cmp"
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
	"github.com/x448/float16"
)

func toFloat16(dst *graph.Tensor, at int64, src []float32) {
	out := graph.Data[float16.Float16](dst)[at:]
	for i, x := range src {
		out[i] = float16.Fromfloat32(x)
	}
}

// isMap reports whether a result of this shape is a map, [1, C, P] with P the pixels of some nside, and returns its nside. In a
// result of lower rank, 12 numbers are as likely classes as pixels: it is no map.
func isMap(t *graph.Tensor) (nside int, ok bool) {
	if t.Kind != graph.TensorKind || len(t.Shape) != 3 || t.Shape[0] != 1 {
		return 0, false
	}
	nside, err := healpix.NsideFromNpix(int(t.Shape[2]))
	return nside, err == nil
}

// back turns a result of the network, [1, C, P], into a map like the one that was read: its order, coordinates, its part of the
// sky, and Unseen where it has no data. The network gives the names and units of columns; where it does not, and gives as many
// as it reads, they are those that were read.
func (f *fitted) back(t *graph.Tensor, nside int, gives facts) (*sky.Map, error) {
	grid, err := healpix.New(nside, f.grid.Order())
	if err != nil {
		return nil, errs.New(errs.Engine, "%w", err)
	}
	m := &sky.Map{
		Nside: nside, Order: f.grid.Order(), Coord: f.src.Coord, Polcconv: f.src.Polcconv,
		Pixels: regrid(f.pixels, f.grid, grid),
	}
	channels, p := int(t.Shape[1]), int(t.Shape[2])
	same := channels == len(f.columns)
	table, err := f.table(nside, cmp.Or(gives.order, f.order))
	if err != nil {
		return nil, err
	}
	for c := range channels {
		col := sky.Column{}
		col.Name, col.Unit = gives.column(c, channels)
		valid := f.validOn(grid, -1)
		if same {
			valid = f.validOn(grid, c)
			col.Name = cmp.Or(col.Name, f.columns[c].Name)
			col.Unit = cmp.Or(col.Unit, f.columns[c].Unit)
		}
		col.Name = cmp.Or(col.Name, fmt.Sprintf("CHANNEL_%d", c))
		if err := fillColumn(&col, t, c*p, target{table, m.Pixels, valid}); err != nil {
			return nil, err
		}
		m.Columns = append(m.Columns, col)
	}
	return m, nil
}

// target says how the values of a result become those of a column.
type target struct {
	table  []int32 // as fitted.table gives it
	pixels []int64 // of a partial sky; nil: all
	valid  []bool  // on the full sky, in the map's order
}

// fillColumn fills col with the values of t from at on.
func fillColumn(col *sky.Column, t *graph.Tensor, at int, to target) error {
	npix := len(to.valid)
	switch t.DType {
	case graph.Float32:
		col.Data = toColumn(graph.Data[float32](t)[at:at+npix], to, healpix.Unseen)
	case graph.Float64:
		col.Data = toColumn(graph.Data[float64](t)[at:at+npix], to, healpix.Unseen)
	case graph.Float16:
		wide := make([]float32, npix)
		for i, x := range graph.Data[float16.Float16](t)[at : at+npix] {
			wide[i] = x.Float32()
		}
		col.Data = toColumn(wide, to, healpix.Unseen)
	case graph.BFloat16:
		wide := make([]float32, npix)
		for i, x := range graph.Data[graph.BF16](t)[at : at+npix] {
			wide[i] = x.Float32()
		}
		col.Data = toColumn(wide, to, healpix.Unseen)
	case graph.Int64:
		null := int64(math.MinInt64)
		col.Null = &null
		col.Data = toColumn(graph.Data[int64](t)[at:at+npix], to, null)
	case graph.Int32:
		null := int64(math.MinInt32)
		col.Null = &null
		col.Data = toColumn(graph.Data[int32](t)[at:at+npix], to, math.MinInt32)
	default:
		return errs.New(errs.Output, "a map of %v has no form in FITS", t.DType).
			WithHint("cast it to float32 in the network")
	}
	return nil
}

// toColumn brings a channel of a result to the pixels of a map, with bad where there are no data.
func toColumn[T graph.Element](src []T, to target, bad T) *graph.Tensor {
	full := gather(src, to.table)
	for p := range full {
		if !to.valid[p] {
			full[p] = bad
		}
	}
	if to.pixels == nil {
		return graph.FromSlice(full, int64(len(full)))
	}
	part := make([]T, len(to.pixels))
	for i, p := range to.pixels {
		part[i] = full[p]
	}
	return graph.FromSlice(part, int64(len(part)))
}

// validOn returns where column c, or every column for -1, has data on a grid of the same order: a coarser pixel has if any of its
// children has, a finer one if its parent has.
func (f *fitted) validOn(grid healpix.Grid, c int) []bool {
	valid := make([]bool, f.grid.Npix())
	for p := range valid {
		valid[p] = c >= 0 && f.valid[c][p] || c < 0
		for i := 0; c < 0 && i < len(f.valid); i++ {
			valid[p] = valid[p] && f.valid[i][p]
		}
	}
	if grid == f.grid {
		return valid
	}
	out := make([]bool, grid.Npix())
	if grid.Nside() < f.grid.Nside() {
		for p, ok := range valid {
			if ok {
				out[f.grid.Parent(p, f.grid.Nside()/grid.Nside())] = true
			}
		}
		return out
	}
	for p := range out {
		out[p] = valid[grid.Parent(p, grid.Nside()/f.grid.Nside())]
	}
	return out
}
