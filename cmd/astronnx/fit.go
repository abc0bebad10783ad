package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// need is what a network's input asks of a map. Its layout is (N, C, P).
type need struct {
	input    string
	dtype    graph.DType
	channels int           // -1: any number
	nside    int           // 0: any
	order    healpix.Order // 0: the network does not say
	masked   bool          // the network is told, or finds out by itself, which pixels hold no data
}

// fitting says how a map may be changed to fit.
type fitting struct {
	columns []string // by name or by number from 0; none: as many as the network reads, from the first
	unseen  string   // what the network reads where there are no data: one of policies
	degrade bool     // bring the map to the network's nside
	mask    []bool   // pixels to use, on the full sphere in the order maskOrder; nil: all
	maskIn  healpix.Grid
}

// policies are the values of --unseen.
var policies = []string{"auto", "keep", "zero", "mean"}

// fitted is a map in the form that a network reads, with what is needed to bring its results back to the form of the map.
type fitted struct {
	src     *sky.Map
	grid    healpix.Grid    // of the network's input, in the map's own order
	order   healpix.Order   // the network's
	columns []*sky.Column   // those that were read
	pixels  []int64         // of a partial sky, on grid; nil: all
	valid   [][]bool        // by column, on the full grid in the map's own order
	joint   []bool          // valid in all columns, in the network's order
	values  []*graph.Tensor // by column, [P] float32 or float64 in the network's order
	masked  int             // pixels of the map without data in some column
	tables  map[tableKey][]int32
}

type tableKey struct {
	nside int
	order healpix.Order
}

// fit brings a map into the form that a network reads.
func fit(m *sky.Map, n need, how fitting) (*fitted, error) {
	columns, err := pick(m, n, how.columns)
	if err != nil {
		return nil, err
	}
	if how.mask != nil && how.maskIn.Nside() != m.Nside {
		return nil, errs.New(errs.Input, "the mask has nside %d, the map %d", how.maskIn.Nside(), m.Nside).
			WithHint("use a mask of the map's nside")
	}
	order := n.order
	if order == 0 {
		order = m.Order
	}
	nside := m.Nside
	if n.nside != 0 && n.nside != m.Nside {
		if err := nsideDiffers(m.Nside, n.nside, how.degrade); err != nil {
			return nil, err
		}
		nside = n.nside
	}
	from, err := healpix.New(m.Nside, m.Order)
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	to, err := healpix.New(nside, m.Order)
	if err != nil {
		return nil, errs.New(errs.Input, "%w", err)
	}
	if _, err := to.In(order); err != nil {
		return nil, errs.New(errs.Input, "the network reads %v maps: %w", order, err)
	}
	f := &fitted{src: m, grid: to, order: order, columns: columns, pixels: regrid(m.Pixels, from, to)}
	if n.dtype == graph.Float64 {
		err = fill[float64](f, from, n, how)
	} else {
		err = fill[float32](f, from, n, how)
	}
	return f, err
}

func nsideDiffers(got, want int, degrade bool) error {
	err := errs.New(errs.Input, "the network reads maps of nside %d, this map has nside %d", want, got)
	switch {
	case got < want:
		return err.WithHint("a map cannot gain resolution: use a network for nside %d, or a finer map", got)
	case got%want != 0:
		return err.WithHint("%d does not divide %d, so the map cannot be degraded", want, got)
	case !degrade:
		return err.WithHint("--degrade averages the map down to nside %d", want)
	}
	return nil
}

// regrid returns the pixels of to that share area with a pixel of the list, ascending; nil for nil. One nside divides the other.
func regrid(pixels []int64, from, to healpix.Grid) []int64 {
	if pixels == nil || from == to {
		return pixels
	}
	var out []int64
	for _, p := range pixels {
		if to.Nside() < from.Nside() {
			out = append(out, int64(from.Parent(int(p), from.Nside()/to.Nside())))
			continue
		}
		for _, c := range from.Children(int(p), to.Nside()/from.Nside()) {
			out = append(out, int64(c))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fill reads the columns into f: onto the full sphere, masked, degraded, with the policy for pixels without data, reordered.
func fill[T healpix.Float](f *fitted, from healpix.Grid, n need, how fitting) error {
	joint := make([]bool, f.grid.Npix())
	for i := range joint {
		joint[i] = true
	}
	bad := make([]bool, f.src.Len())
	full := make([][]T, len(f.columns))
	for i, c := range f.columns {
		values, err := onSphere[T](f.src, c, from, how, bad)
		if err != nil {
			return err
		}
		if from != f.grid {
			if values, err = healpix.UDGrade(values, from, f.grid, healpix.GradeOptions{}); err != nil {
				return errs.New(errs.Input, "%w", err)
			}
		}
		valid := make([]bool, len(values))
		for p, v := range values {
			valid[p] = isData(v)
			joint[p] = joint[p] && valid[p]
		}
		f.valid = append(f.valid, valid)
		full[i] = values
	}
	for _, b := range bad {
		if b {
			f.masked++
		}
	}
	holes := slices.Contains(joint, false)
	if holes && how.unseen == "auto" && !n.masked {
		return f.refuseHoles()
	}
	table, err := f.table(f.grid.Nside(), f.order)
	if err != nil {
		return err
	}
	f.joint = scatter(joint, table)
	for i, values := range full {
		if holes {
			patch(values, f.valid[i], how.unseen)
		}
		f.values = append(f.values, tensorOf(scatter(values, table)))
	}
	return nil
}

// table returns where the pixels of the map's order are in the network's, at some nside; nil where the orders are the same. One
// table serves all columns, there and back.
func (f *fitted) table(nside int, order healpix.Order) ([]int32, error) {
	key := tableKey{nside, order}
	if t, ok := f.tables[key]; ok || order == f.grid.Order() {
		return t, nil
	}
	t, err := healpix.ReorderTable[int32](nside, order, f.grid.Order())
	if err != nil {
		return nil, errs.New(errs.Limit, "%w", err)
	}
	if f.tables == nil {
		f.tables = map[tableKey][]int32{}
	}
	f.tables[key] = t
	return t, nil
}

// scatter returns a map in the network's order, src itself where that is the map's.
func scatter[E any](src []E, table []int32) []E {
	if table == nil {
		return src
	}
	out := make([]E, len(src))
	for p, q := range table {
		out[q] = src[p]
	}
	return out
}

// gather is the inverse of scatter; it copies in any case.
func gather[E any](src []E, table []int32) []E {
	if table == nil {
		return slices.Clone(src)
	}
	out := make([]E, len(src))
	for p, q := range table {
		out[p] = src[q]
	}
	return out
}

func tensorOf[T healpix.Float](data []T) *graph.Tensor {
	switch data := any(data).(type) {
	case []float32:
		return graph.FromSlice(data, int64(len(data)))
	case []float64:
		return graph.FromSlice(data, int64(len(data)))
	}
	panic("astronnx: a map of neither float32 nor float64")
}

func isData[T healpix.Float](v T) bool { return !healpix.IsUnseen(v) && !math.IsNaN(float64(v)) }

// onSphere returns a column on the full sphere, Unseen where it has no data, where the map has no pixels and where the mask says
// no; NaN stays NaN. It marks in bad the pixels of the map without data.
func onSphere[T healpix.Float](m *sky.Map, c *sky.Column, grid healpix.Grid, how fitting, bad []bool) ([]T, error) {
	values, err := valuesOf[T](m, c)
	if err != nil {
		return nil, err
	}
	out := values
	if m.Pixels != nil {
		out = make([]T, grid.Npix())
		for p := range out {
			out[p] = healpix.Unseen
		}
	}
	for i, v := range values {
		p := i
		if m.Pixels != nil {
			p = int(m.Pixels[i])
		}
		use := isData(v) && !math.IsInf(float64(v), 0)
		if how.mask != nil {
			use = use && how.mask[grid.Convert(p, how.maskIn.Order())]
		}
		if !use {
			bad[i] = true
			if v == v {
				v = healpix.Unseen
			}
		}
		out[p] = v
	}
	return out, nil
}

// valuesOf returns a copy of a column's values; those that its map marks as no data, by whatever value, are Unseen.
func valuesOf[T healpix.Float](m *sky.Map, c *sky.Column) ([]T, error) {
	one := *m
	one.Columns = []sky.Column{*c}
	var out []T
	switch out := any(&out).(type) {
	case *[]float32:
		t, err := one.Tensor()
		if err != nil {
			return nil, err
		}
		*out = graph.Data[float32](t)
	case *[]float64:
		valid, err := one.Mask()
		if err != nil {
			return nil, err
		}
		*out = c.Float64()
		for i, v := range *out {
			if !valid[i] && v == v {
				(*out)[i] = healpix.Unseen
			}
		}
	}
	return out, nil
}

// patch writes what the network is to read where there are no data.
func patch[T healpix.Float](values []T, valid []bool, policy string) {
	var fill T
	switch policy {
	case "auto", "keep":
		return
	case "mean":
		sum, n := 0.0, 0
		for p, v := range values {
			if valid[p] {
				sum += float64(v)
				n++
			}
		}
		if n > 0 {
			fill = T(sum / float64(n))
		}
	}
	for p := range values {
		if !valid[p] {
			values[p] = fill
		}
	}
}

// refuseHoles is the error for a network that would take the mark of a missing pixel for a temperature.
func (f *fitted) refuseHoles() error {
	nan, missing, lost := 0, 0, 0
	for _, c := range f.columns {
		for _, v := range c.Float64() {
			if math.IsNaN(v) {
				nan++
			}
		}
	}
	for _, valid := range f.valid {
		for _, ok := range valid {
			if !ok {
				missing++
			}
		}
	}
	var what []string
	if nan > 0 {
		what = append(what, fmt.Sprintf("%s NaN", thousands(nan)))
	}
	if f.pixels != nil {
		lost = f.grid.Npix() - len(f.pixels)
		what = append(what, fmt.Sprintf("no data on %s of %s pixels", thousands(lost), thousands(f.grid.Npix())))
	}
	if n := missing - nan - lost*len(f.columns); n > 0 {
		what = append(what, fmt.Sprintf("%s masked or UNSEEN values", thousands(n)))
	}
	return errs.New(errs.Input, "the map has %s, and the network does not know masks", strings.Join(what, ", ")).
		WithHint("--unseen zero, mean or keep says what the network reads there")
}

// tensor returns the columns as one input of shape [1, C, P].
func (f *fitted) tensor(dtype graph.DType) (*graph.Tensor, error) {
	p := int64(f.grid.Npix())
	out := graph.NewTensor(dtype, 1, int64(len(f.values)), p)
	for i, v := range f.values {
		lo, hi := int64(i)*p, int64(i+1)*p
		switch dtype {
		case graph.Float32:
			copy(graph.Data[float32](out)[lo:hi], graph.Data[float32](v))
		case graph.Float64:
			copy(graph.Data[float64](out)[lo:hi], graph.Data[float64](v))
		case graph.BFloat16:
			dst := graph.Data[graph.BF16](out)[lo:hi]
			for j, x := range graph.Data[float32](v) {
				dst[j] = graph.ToBF16(x)
			}
		case graph.Float16:
			toFloat16(out, lo, graph.Data[float32](v))
		default:
			return nil, errs.New(errs.Input, "the network reads %v, a map holds float32 or float64", dtype)
		}
	}
	return out, nil
}
