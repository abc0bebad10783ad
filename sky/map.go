package sky

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"codeberg.org/astrogo/fitsio"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// Card is one record of a FITS header: a name of up to eight characters, a value (string, bool, int, float64, complex128 or nil)
// and a comment.
type Card = fitsio.Card

// Map is one or several fields on the pixels of a HEALPix sphere, or of a part of it. It may be read by many goroutines and
// written by one.
type Map struct {
	Nside   int
	Order   healpix.Order
	Columns []Column

	// Pixels are the numbers, in Order and ascending, of the pixels that the columns hold; nil where they hold all 12 nside².
	Pixels []int64

	Coord    string   // COORDSYS: "C", "E", "G", or what else the file says; empty if unknown
	Polcconv string   // POLCCONV, the sign convention of U: "COSMO", "IAU" or empty
	BadData  *float64 // BAD_DATA: a value that marks pixels without data, besides Unseen and NaN; nil if the file names none
	Extra    []Card   // the other cards of the header, in order; those that cannot be written back are not kept
}

// Column is one field of a map.
type Column struct {
	Name string // TTYPE
	Unit string // TUNIT; empty if unknown
	Null *int64 // TNULL: the value of an integer column that marks pixels without data; nil if there is none

	// Data has shape [P]: the values of the map's pixels in their order. Element types are float32, float64, the integers, bool.
	Data *graph.Tensor
}

// Len returns P, the number of pixels that the map holds.
func (m *Map) Len() int {
	if m.Pixels != nil {
		return len(m.Pixels)
	}
	return 12 * m.Nside * m.Nside
}

// Check reports how the map's fields contradict each other; nil if they do not.
func (m *Map) Check() error {
	grid, err := healpix.New(m.Nside, m.Order)
	if err != nil {
		return errs.New(errs.Input, "%w", err)
	}
	for i, p := range m.Pixels {
		if p < 0 || p >= int64(grid.Npix()) {
			return errs.New(errs.Input, "pixel %d at position %d: %v has pixels 0 to %d", p, i, grid, grid.Npix()-1)
		}
		if i > 0 && p <= m.Pixels[i-1] {
			return errs.New(errs.Input, "pixel %d at position %d follows %d: want ascending numbers without duplicates", p, i,
				m.Pixels[i-1])
		}
	}
	for i, c := range m.Columns {
		if c.Data == nil {
			return errs.New(errs.Input, "column %d (%s) has no data", i+1, c.Name)
		}
		if !slices.Equal(c.Data.Shape, []int64{int64(m.Len())}) {
			return errs.New(errs.Input, "column %d (%s) has shape %v: want [%d], one value a pixel", i+1, c.Name, c.Data.Shape,
				m.Len())
		}
		if err := c.Data.Check(); err != nil {
			return errs.New(errs.Input, "column %d (%s): %w", i+1, c.Name, err)
		}
		if !columnType(c.Data.DType) {
			return errs.New(errs.Input, "column %d (%s) is %s: want float32, float64, an integer type or bool", i+1, c.Name,
				c.Data.DType)
		}
	}
	return nil
}

// Column returns the column of a name, case ignored.
func (m *Map) Column(name string) (*Column, error) {
	names := make([]string, len(m.Columns))
	for i := range m.Columns {
		if strings.EqualFold(m.Columns[i].Name, name) {
			return &m.Columns[i], nil
		}
		names[i] = m.Columns[i].Name
	}
	return nil, noColumn(name, names)
}

func noColumn(name string, have []string) error {
	return errs.New(errs.Input, "no column %q", name).WithHint("the map has %s", strings.Join(have, ", "))
}

// HoldsU reports whether a column of this name is Stokes U, whose sign POLCCONV tells and a mirror turns: "U", in either case, alone
// or before what is no letter, as in "U_POLARISATION" and "U_2".
func HoldsU(name string) bool {
	name = strings.TrimSpace(name)
	return len(name) > 0 && (name[0] == 'U' || name[0] == 'u') && (len(name) == 1 || !unicode.IsLetter(rune(name[1])))
}

// Negate turns the sign of all values but those that are UNSEEN.
func Negate(values []float32) {
	for i, v := range values {
		if !healpix.IsUnseen(v) {
			values[i] = -v
		}
	}
}

// pick returns the named columns, or all of them if none is named.
func (m *Map) pick(names []string) ([]*Column, error) {
	var cols []*Column
	for i := range m.Columns {
		if len(names) == 0 {
			cols = append(cols, &m.Columns[i])
		}
	}
	for _, name := range names {
		c, err := m.Column(name)
		if err != nil {
			return nil, err
		}
		cols = append(cols, c)
	}
	return cols, nil
}

// Tensor returns the named columns, or all, as float32 [1, C, P], the layout of the HEALPix operators. Pixels that the file
// marks by TNULL or BAD_DATA become Unseen; NaN stays NaN.
func (m *Map) Tensor(columns ...string) (*graph.Tensor, error) {
	cols, err := m.pick(columns)
	if err != nil {
		return nil, err
	}
	p := m.Len()
	out := graph.NewTensor(graph.Float32, 1, int64(len(cols)), int64(p))
	data := graph.Data[float32](out)
	for i, c := range cols {
		dst := data[i*p : (i+1)*p]
		if c.Data.DType == graph.Float32 && m.BadData == nil {
			copy(dst, graph.Data[float32](c.Data))
			continue
		}
		m.each(c, func(p int, v float64, valid bool) {
			if !valid && v == v {
				v = healpix.Unseen
			}
			dst[p] = float32(v)
		})
	}
	return out, nil
}

// Float64 returns the values of the column as float64 [P], converted where they are not.
func (c *Column) Float64() []float64 {
	out := make([]float64, c.Data.Len())
	toFloat64(c.Data, func(i int, v float64) { out[i] = v })
	return out
}

// Mask returns [P] which pixels hold data in all of the named columns, or in all columns. A pixel does not if its value is NaN,
// Unseen or BadData to healpy's tolerance (|x-bad| ≤ 1e-5 |bad| + 1e-8), or the column's Null.
func (m *Map) Mask(columns ...string) ([]bool, error) {
	cols, err := m.pick(columns)
	if err != nil {
		return nil, err
	}
	mask := make([]bool, m.Len())
	for i := range mask {
		mask[i] = true
	}
	for _, c := range cols {
		m.each(c, func(p int, _ float64, valid bool) { mask[p] = mask[p] && valid })
	}
	return mask, nil
}

// each calls f with every value of c and whether it is data.
func (m *Map) each(c *Column, f func(p int, v float64, valid bool)) {
	bad, null := float64(healpix.Unseen), math.NaN()
	if m.BadData != nil {
		bad = *m.BadData
	}
	if c.Null != nil {
		null = float64(*c.Null)
	}
	toFloat64(c.Data, func(p int, v float64) {
		f(p, v, v == v && !healpix.IsUnseen(v) && !isBad(v, bad) && v != null)
	})
}

func isBad(v, bad float64) bool { return math.Abs(v-bad) <= 1e-5*math.Abs(bad)+1e-8 }

type number interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func columnType(d graph.DType) bool {
	switch d {
	case graph.Float32, graph.Float64, graph.Uint8, graph.Int8, graph.Uint16, graph.Int16, graph.Uint32, graph.Int32,
		graph.Uint64, graph.Int64, graph.Bool:
		return true
	}
	return false
}

// toFloat64 calls f with every element of a tensor of a column's type.
func toFloat64(t *graph.Tensor, f func(i int, v float64)) {
	switch t.DType {
	case graph.Float32:
		eachNumber(graph.Data[float32](t), f)
	case graph.Float64:
		eachNumber(graph.Data[float64](t), f)
	case graph.Uint8:
		eachNumber(graph.Data[uint8](t), f)
	case graph.Int8:
		eachNumber(graph.Data[int8](t), f)
	case graph.Uint16:
		eachNumber(graph.Data[uint16](t), f)
	case graph.Int16:
		eachNumber(graph.Data[int16](t), f)
	case graph.Uint32:
		eachNumber(graph.Data[uint32](t), f)
	case graph.Int32:
		eachNumber(graph.Data[int32](t), f)
	case graph.Uint64:
		eachNumber(graph.Data[uint64](t), f)
	case graph.Int64:
		eachNumber(graph.Data[int64](t), f)
	case graph.Bool:
		for i, b := range graph.Data[bool](t) {
			v := 0.0
			if b {
				v = 1
			}
			f(i, v)
		}
	default:
		panic(fmt.Sprintf("sky: a column of type %s", t.DType))
	}
}

func eachNumber[T number](data []T, f func(i int, v float64)) {
	for i, v := range data {
		f(i, float64(v))
	}
}
