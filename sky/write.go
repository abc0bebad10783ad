package sky

import (
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// WriteMap writes a map as a FITS file that healpy reads, atomically as [WriteFile] does; a path that ends in .gz is compressed.
func WriteMap(path string, m *Map) error {
	return WriteFile(path, func(w io.Writer) error { return WriteMapTo(w, m) })
}

// WriteMapTo writes a map as a FITS file: an empty primary HDU and one binary table, with implicit indexing and 1024 pixels a
// row for a full sky where that divides it, with a PIXEL column for a part of one. Every value keeps its type and its bits.
func WriteMapTo(w io.Writer, m *Map) error {
	if err := m.Check(); err != nil {
		return err
	}
	if m.Order == healpix.XY {
		return errs.New(errs.Input, "FITS knows no XY numbering").WithHint("Reorder to Ring or Nested first")
	}
	if len(m.Columns) == 0 {
		return errs.New(errs.Input, "the map has no columns: want at least one")
	}
	columns := slices.Clone(m.Columns)
	repeat := 1
	if m.Pixels != nil {
		columns = append([]Column{{Name: "PIXEL", Data: m.pixelTensor()}}, columns...)
	} else if m.Len()%1024 == 0 {
		repeat = 1024
	}
	if err := nameColumns(columns); err != nil {
		return err
	}
	fields := make([]field, len(columns))
	rowSize := 0
	for i, c := range columns {
		fields[i] = storage(c.Data.DType)
		fields[i].offset = int64(rowSize)
		rowSize += repeat * int(fields[i].width)
	}
	rows := m.Len() / repeat
	cards, err := m.cards(columns, fields, repeat, rowSize, rows)
	if err != nil {
		return err
	}
	primary := encodeHeader([]Card{
		{Name: "SIMPLE", Value: true, Comment: "conforms to FITS standard"},
		{Name: "BITPIX", Value: 8},
		{Name: "NAXIS", Value: 0},
		{Name: "EXTEND", Value: true},
	})
	for _, block := range [][]byte{primary, encodeHeader(cards)} {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	perChunk := max(chunkSize/rowSize, 1)
	buf := make([]byte, perChunk*rowSize)
	for lo := 0; lo < rows; lo += perChunk {
		n := min(perChunk, rows-lo)
		for i, c := range columns {
			f := &fields[i]
			size := int(f.width)
			f.encode(buf[f.offset:], c.Data.Raw[lo*repeat*size:(lo+n)*repeat*size], repeat, rowSize)
		}
		if _, err := w.Write(buf[:n*rowSize]); err != nil {
			return err
		}
	}
	_, err = w.Write(make([]byte, pad(rows*rowSize)))
	return err
}

// nameColumns numbers columns without a name and refuses names that are not unique, which astropy, and so healpy, cannot read.
func nameColumns(columns []Column) error {
	seen := map[string]bool{}
	for i := range columns {
		c := &columns[i]
		if c.Name == "" {
			c.Name = fmt.Sprintf("COLUMN_%d", i+1)
		}
		if key := strings.ToUpper(c.Name); seen[key] {
			return errs.New(errs.Input, "two columns are named %q: want every name once", c.Name)
		} else {
			seen[key] = true
		}
	}
	return nil
}

// pixelTensor returns the map's pixel numbers, as int32 where that holds them.
func (m *Map) pixelTensor() *graph.Tensor {
	if 12*int64(m.Nside)*int64(m.Nside) > math.MaxInt32 {
		return graph.FromSlice(m.Pixels, int64(len(m.Pixels)))
	}
	numbers := make([]int32, len(m.Pixels))
	for i, p := range m.Pixels {
		numbers[i] = int32(p)
	}
	return graph.FromSlice(numbers, int64(len(numbers)))
}

// storage returns how a binary table holds an element type.
func storage(d graph.DType) field {
	for code, u := range flipped {
		if u.dtype == d {
			return field{code: code, width: formWidths[code], dtype: d, flip: true, zero: u.zero}
		}
	}
	for code, t := range formTypes {
		if t == d {
			return field{code: code, width: formWidths[code], dtype: d}
		}
	}
	panic(fmt.Sprintf("sky: no FITS column of type %s", d))
}

// encode is the inverse of decode: raw holds elements, repeat of them go to dst and the next to stride bytes further.
func (f *field) encode(dst, raw []byte, repeat, stride int) {
	switch f.width {
	case 1:
		for ; len(raw) > 0; raw = raw[repeat:] {
			for i, b := range raw[:repeat] {
				switch {
				case f.code == 'L' && b != 0:
					b = 'T'
				case f.code == 'L':
					b = 'F'
				case f.flip:
					b ^= 0x80
				}
				dst[i] = b
			}
			dst = dst[min(stride, len(dst)):]
		}
	case 2:
		scatter(dst, view[uint16](raw), repeat, stride, flipBit[uint16](f.flip))
	case 4:
		scatter(dst, view[uint32](raw), repeat, stride, flipBit[uint32](f.flip))
	case 8:
		scatter(dst, view[uint64](raw), repeat, stride, flipBit[uint64](f.flip))
	}
}

// cards returns the header of the table.
func (m *Map) cards(columns []Column, fields []field, repeat, rowSize, rows int) ([]Card, error) {
	cards := []Card{
		{Name: "XTENSION", Value: "BINTABLE", Comment: "binary table extension"},
		{Name: "BITPIX", Value: 8},
		{Name: "NAXIS", Value: 2},
		{Name: "NAXIS1", Value: rowSize, Comment: "bytes in a row"},
		{Name: "NAXIS2", Value: rows, Comment: "rows"},
		{Name: "PCOUNT", Value: 0},
		{Name: "GCOUNT", Value: 1},
		{Name: "TFIELDS", Value: len(columns), Comment: "columns"},
	}
	add := func(name string, value any, comment string) {
		cards = append(cards, Card{Name: name, Value: value, Comment: comment})
	}
	for i, c := range columns {
		n := i + 1
		f := fields[i]
		add(fmt.Sprintf("TTYPE%d", n), c.Name, "")
		form := string(f.code)
		if repeat > 1 {
			form = fmt.Sprintf("%d%c", repeat, f.code)
		}
		add(fmt.Sprintf("TFORM%d", n), form, "")
		if c.Unit != "" {
			add(fmt.Sprintf("TUNIT%d", n), c.Unit, "")
		}
		if f.flip {
			add(fmt.Sprintf("TSCAL%d", n), 1, "")
			add(fmt.Sprintf("TZERO%d", n), zeroCard(f.zero), "the sign bit is stored inverted")
		}
		if c.Null != nil && strings.IndexByte("BIJK", f.code) >= 0 {
			null := *c.Null
			if f.flip && f.code == 'K' {
				null ^= math.MinInt64
			} else if f.flip {
				null -= int64(f.zero)
			}
			add(fmt.Sprintf("TNULL%d", n), int(null), "no data")
		}
	}
	ordering := "RING"
	if m.Order == healpix.Nested {
		ordering = "NESTED"
	}
	add("PIXTYPE", "HEALPIX", "HEALPix pixelisation")
	add("ORDERING", ordering, "pixel numbering")
	if m.Coord != "" {
		add("COORDSYS", m.Coord, "ecliptic, galactic or celestial")
	}
	add("NSIDE", m.Nside, "resolution")
	if m.Pixels == nil {
		add("FIRSTPIX", 0, "")
		add("LASTPIX", m.Len()-1, "")
		add("INDXSCHM", "IMPLICIT", "")
		add("OBJECT", "FULLSKY", "")
	} else {
		add("INDXSCHM", "EXPLICIT", "")
		add("OBJECT", "PARTIAL", "")
	}
	if m.Polcconv != "" {
		add("POLCCONV", m.Polcconv, "sign convention of U")
	}
	if m.BadData != nil {
		add("BAD_DATA", *m.BadData, "no data")
	}
	cards = append(cards, m.Extra...)
	for _, c := range cards {
		if err := checkCard(c); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

func zeroCard(zero float64) any {
	if zero == 1<<63 {
		return *new(big.Int).Lsh(big.NewInt(1), 63)
	}
	return int(zero)
}

// extra returns the cards that a Map has no field for and that can be written back.
func (h *hdu) extra() []Card {
	var list []Card
	for _, c := range h.cards {
		if !structural(c.Name) && checkCard(c) == nil {
			list = append(list, c)
		}
	}
	return list
}

// structural reports whether a card describes the file or is kept in a field of Map.
func structural(name string) bool {
	switch name {
	case "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "THEAP", "EXTEND", "END", "CHECKSUM", "DATASUM",
		"PIXTYPE", "ORDERING", "COORDSYS", "NSIDE", "FIRSTPIX", "LASTPIX", "INDXSCHM", "OBJECT", "POLCCONV", "BAD_DATA":
		return true
	}
	switch strings.TrimRight(name, "0123456789") {
	case name:
		return false
	case "NAXIS", "TTYPE", "TFORM", "TUNIT", "TNULL", "TSCAL", "TZERO", "TDISP", "TDIM", "TBCOL":
		return true
	}
	return false
}
