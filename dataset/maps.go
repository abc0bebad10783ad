package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
)

// MapOptions say how files become samples. The zero value takes every column, numbered as the first file is.
type MapOptions struct {
	Field string          // name of the field; empty: "map"
	Read  sky.ReadOptions // columns, HDU, and the numbering of files that do not say theirs
	Order healpix.Order   // numbering of the samples; 0: that of the first file

	// NoData replaces values that are no data: NaN, UNSEEN, the file's BAD_DATA or TNULL, and the pixels that a partial sky does not
	// hold. If it is nil NaN stays NaN and the others are UNSEEN.
	NoData *float32
}

// Maps returns the dataset of FITS files that hold a HEALPix map each: sample i is paths[i], as float32 of shape [C, 12 nside²], one
// channel a column. All have the nside and the columns of the first. Columns of U, see [sky.HoldsU], have HEALPix's sign: those of a file
// with POLCCONV = 'IAU' are turned to it.
func Maps(paths []string, opt MapOptions) (Dataset, error) {
	if len(paths) == 0 {
		return nil, errs.New(errs.Input, "no files: want FITS maps")
	}
	if opt.Field == "" {
		opt.Field = "map"
	}
	m := &skyMaps{paths: slices.Clone(paths), opt: opt}
	first, err := sky.ReadMap(paths[0], opt.Read)
	if err != nil {
		return nil, err
	}
	m.nside = first.Nside
	if m.opt.Order == 0 {
		m.opt.Order = first.Order
	}
	if _, err := healpix.New(m.nside, m.opt.Order); err != nil {
		return nil, errs.New(errs.Input, "%s: %w", paths[0], err)
	}
	npix := 12 * int64(m.nside) * int64(m.nside)
	m.fields = []Field{{Name: opt.Field, DType: graph.Float32, Shape: []int64{int64(len(first.Columns)), npix}}}
	return m, checkFields(m.fields)
}

type skyMaps struct {
	paths  []string
	opt    MapOptions
	nside  int
	fields []Field
}

func (m *skyMaps) Len() int        { return len(m.paths) }
func (m *skyMaps) Fields() []Field { return m.fields }

func (m *skyMaps) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(m, index, into); err != nil {
		return err
	}
	data := graph.Data[float32](into[0])
	size := len(data) / max(len(index), 1)
	for k, i := range index {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.read(m.paths[i], data[k*size:(k+1)*size]); err != nil {
			return err
		}
	}
	return nil
}

func (m *skyMaps) read(path string, dst []float32) error {
	found, err := sky.ReadMap(path, m.opt.Read)
	if err != nil {
		return err
	}
	c := int(m.fields[0].Shape[0])
	if found.Nside != m.nside || len(found.Columns) != c {
		return errs.New(errs.Input, "%s has nside %d and %d columns: want nside %d and %d as in %s", path, found.Nside,
			len(found.Columns), m.nside, c, m.paths[0])
	}
	if found, err = found.Reorder(m.opt.Order); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t, err := found.Tensor()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	src := graph.Data[float32](t)
	if found.Polcconv == "IAU" {
		for k, column := range found.Columns {
			if sky.HoldsU(column.Name) {
				sky.Negate(src[k*found.Len() : (k+1)*found.Len()])
			}
		}
	}
	if found.Pixels == nil {
		copy(dst, src)
	} else {
		for i := range dst {
			dst[i] = healpix.Unseen
		}
		npix := len(dst) / c
		for k := range c {
			for i, p := range found.Pixels {
				dst[k*npix+int(p)] = src[k*len(found.Pixels)+i]
			}
		}
	}
	if m.opt.NoData != nil {
		for i, v := range dst {
			if v != v || healpix.IsUnseen(v) {
				dst[i] = *m.opt.NoData
			}
		}
	}
	return nil
}
