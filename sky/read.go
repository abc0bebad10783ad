package sky

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// ReadOptions say what of a file to read, where its header leaves a choice. The zero value reads every column of the first
// table that holds a map.
type ReadOptions struct {
	Columns []string      // names, case ignored; none: every column of numbers
	HDU     int           // number of the table's HDU, the primary one being 0; 0: the first table that holds a map
	HDUName string        // EXTNAME of the table, in place of HDU
	Order   healpix.Order // the numbering, in place of what the header says about it; needed where that is nothing
	Limit   int64         // bytes a gzip file may unpack to; 0: 8 GiB
}

// ReadMap reads a HEALPix map from a FITS file, which may be compressed by gzip. See [ReadMapFrom].
func ReadMap(path string, opt ReadOptions) (*Map, error) {
	src, closer, err := openSource(path, opt.Limit)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	m, err := readMap(src, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ReadMapFrom reads a HEALPix map from the bytes of a FITS file, which may be compressed by gzip. Values, numbering and pixels
// stay as they are stored, but for the order of an explicit map's pixels, which becomes ascending. Integers stored with an
// offset that makes them unsigned or signed are read as such, other scaled columns as float64.
//
// Every error of a file is an *errs.Error: errs.Invalid for what breaks a standard, errs.Input where the file is sound and not
// what opt asks for, errs.Limit for what exceeds a bound.
func ReadMapFrom(r io.Reader, opt ReadOptions) (*Map, error) {
	src, err := readSource(r, opt.Limit)
	if err != nil {
		return nil, err
	}
	return readMap(src, opt)
}

func readMap(src source, opt ReadOptions) (*Map, error) {
	h, err := mapHDU(src, opt)
	if err != nil {
		return nil, err
	}
	all, err := h.fields()
	if err != nil {
		return nil, err
	}
	if err := src.holds(h); err != nil {
		return nil, err
	}
	explicit := h.explicit(all)
	fields, err := h.choose(all, explicit, opt.Columns)
	if err != nil {
		return nil, err
	}
	m := &Map{
		Coord:    coordinates(h.str("COORDSYS")),
		Polcconv: strings.ToUpper(h.str("POLCCONV")),
		Extra:    h.extra(),
	}
	if bad, ok, err := h.float("BAD_DATA"); err != nil {
		return nil, err
	} else if ok {
		m.BadData = &bad
	}
	if m.Order, err = h.order(opt.Order); err != nil {
		return nil, err
	}
	p := h.axes[1] * fields[0].repeat
	if m.Nside, err = h.nside(p, explicit, m.Order); err != nil {
		return nil, err
	}
	first, err := h.firstPixel(p, explicit, m)
	if err != nil {
		return nil, err
	}
	data, err := readColumns(src, h, fields)
	if err != nil {
		return nil, err
	}
	if explicit {
		if err := m.takePixels(data[0], data[1:]); err != nil {
			return nil, fmt.Errorf("%s: %w", h.title(), err)
		}
		fields, data = fields[1:], data[1:]
	} else if p < 12*int64(m.Nside)*int64(m.Nside) {
		m.Pixels = make([]int64, p)
		for i := range m.Pixels {
			m.Pixels[i] = first + int64(i)
		}
	}
	for i, f := range fields {
		c := Column{Name: f.name, Unit: f.unit, Data: data[i]}
		if !f.scaled {
			c.Null = f.null
		}
		m.Columns = append(m.Columns, c)
	}
	return m, nil
}

// mapHDU returns the table that opt asks for, or the first that says it holds a map, or the first at all.
func mapHDU(src source, opt ReadOptions) (*hdu, error) {
	list, err := readHDUs(src)
	if err != nil {
		return nil, err
	}
	table := func(h *hdu) bool { return h.kind == "BINTABLE" }
	h, err := findHDU(list, opt.HDUName, opt.HDU, func(h *hdu) bool {
		_, nside := h.get("NSIDE")
		_, ordering := h.get("ORDERING")
		return table(h) && (nside || ordering || h.str("PIXTYPE") == "HEALPIX")
	})
	if h == nil && err == nil {
		h, err = findHDU(list, "", 0, table)
	}
	if err != nil {
		return nil, err
	}
	if h != nil && table(h) {
		return h, nil
	}
	if h == nil {
		h = list[0]
		last := list[len(list)-1]
		if err := src.holds(last); err != nil { // what is cut off may have been the table
			return nil, err
		}
	}
	e := errs.New(errs.Input, "%s is of kind %s with axes %v: want a binary table that holds a HEALPix map", h.title(),
		h.kind, h.axes)
	if h.kind == "IMAGE" && len(h.axes) > 0 {
		return nil, e.WithHint("read images and cubes with ReadCube")
	}
	return nil, e
}

// explicit reports whether the first column holds the numbers of the pixels.
func (h *hdu) explicit(all []field) bool {
	switch strings.ToUpper(h.str("INDXSCHM")) {
	case "EXPLICIT":
		return true
	case "IMPLICIT":
		return false
	}
	switch strings.ToUpper(h.str("OBJECT")) {
	case "PARTIAL":
		return true
	case "FULLSKY":
		return false
	}
	return len(all) > 0 && all[0].dtype.IsInt() && strings.HasPrefix(strings.ToUpper(all[0].name), "PIX")
}

// choose returns the fields to read; of an explicit map the first holds the pixel numbers.
func (h *hdu) choose(all []field, explicit bool, names []string) ([]field, error) {
	var chosen []field
	if explicit {
		if len(all) == 0 || !all[0].dtype.IsInt() || all[0].dtype == graph.Uint64 {
			return nil, errs.New(errs.Invalid, "%s: an explicit map wants the pixel numbers as integers in its first column", h.title())
		}
		chosen, all = append(chosen, all[0]), all[1:]
	}
	var have []string
	for _, f := range all {
		have = append(have, f.name)
		if len(names) == 0 && f.dtype != graph.Undefined {
			chosen = append(chosen, f)
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(have, func(s string) bool { return strings.EqualFold(s, name) })
		if i < 0 {
			return nil, noColumn(name, have)
		}
		if all[i].dtype == graph.Undefined {
			return nil, errs.New(errs.Input, "column %q has TFORM letter %c: want numbers (L B I J K E D)", all[i].name, all[i].code)
		}
		chosen = append(chosen, all[i])
	}
	if len(chosen) == 0 || explicit && len(chosen) == 1 {
		return nil, errs.New(errs.Input, "%s has no column of numbers for a map", h.title())
	}
	for _, f := range chosen[1:] {
		if f.repeat != chosen[0].repeat {
			return nil, errs.New(errs.Input, "column %q has %d values a row, column %q has %d: want as many in all columns",
				f.name, f.repeat, chosen[0].name, chosen[0].repeat).
				WithHint("name the columns to read; the table has %s", strings.Join(have, ", "))
		}
	}
	return chosen, nil
}

// order returns the numbering that the header states, or the one to take in its place.
func (h *hdu) order(instead healpix.Order) (healpix.Order, error) {
	if instead != 0 {
		return instead, nil
	}
	s := strings.ToUpper(h.str("ORDERING"))
	switch s {
	case "RING":
		return healpix.Ring, nil
	case "NESTED", "NEST":
		return healpix.Nested, nil
	case "":
		return 0, errs.New(errs.Input, "%s: no ORDERING in the header, so the pixels' numbering is unknown", h.title()).
			WithHint("say RING or NESTED when reading")
	}
	return 0, errs.New(errs.Input, "%s: ORDERING = %q: want RING or NESTED", h.title(), s).
		WithHint("say RING or NESTED when reading, if you know which it is")
}

// nside returns the header's nside, checked against p stored values, or the one that a full sky of p pixels has.
func (h *hdu) nside(p int64, explicit bool, order healpix.Order) (int, error) {
	stated, ok, err := h.int("NSIDE")
	if err != nil {
		return 0, err
	}
	if !ok {
		if explicit {
			return 0, errs.New(errs.Invalid, "%s: no NSIDE in the header, which an explicit map needs", h.title())
		}
		n, err := healpix.NsideFromNpix(int(p))
		if err != nil {
			return 0, errs.New(errs.Invalid, "%s: no NSIDE in the header, and %w", h.title(), err)
		}
		stated = int64(n)
	}
	if stated > healpix.MaxNside {
		stated = healpix.MaxNside + 1 // beyond int on some platforms, illegal on all
	}
	if _, err := healpix.New(int(stated), order); err != nil {
		return 0, errs.New(errs.Invalid, "%s: %w", h.title(), err)
	}
	return int(stated), nil
}

// firstPixel returns the number of the first value of an implicit map, and checks that p values fit its nside.
func (h *hdu) firstPixel(p int64, explicit bool, m *Map) (int64, error) {
	npix := 12 * int64(m.Nside) * int64(m.Nside)
	if explicit {
		if p > npix {
			return 0, errs.New(errs.Invalid, "%s: %d pixels, NSIDE %d has %d", h.title(), p, m.Nside, npix)
		}
		return 0, nil
	}
	if p == npix {
		return 0, nil
	}
	first, ok1, err := h.int("FIRSTPIX")
	if err != nil {
		return 0, err
	}
	last, ok2, err := h.int("LASTPIX")
	if err != nil {
		return 0, err
	}
	full := strings.EqualFold(h.str("OBJECT"), "FULLSKY")
	if ok1 && ok2 && !full && first >= 0 && last < npix && last-first == p-1 && p > 0 {
		return first, nil
	}
	e := errs.New(errs.Invalid, "%s: %d values a column, a full sky of NSIDE %d has %d", h.title(), p, m.Nside, npix)
	if ok1 && ok2 && !full {
		return 0, e.WithHint("FIRSTPIX %d and LASTPIX %d do not explain it", first, last)
	}
	return 0, e.WithHint("a partial sky says INDXSCHM = 'EXPLICIT', or FIRSTPIX and LASTPIX")
}

// takePixels makes numbers the map's pixels, brings them and the columns into ascending order, and checks them.
func (m *Map) takePixels(numbers *graph.Tensor, columns []*graph.Tensor) error {
	npix := 12 * int64(m.Nside) * int64(m.Nside)
	m.Pixels = make([]int64, numbers.Len())
	toInt64(numbers, func(i int, v int64) { m.Pixels[i] = v })
	ascending := true
	for i, p := range m.Pixels {
		if p < 0 || p >= npix {
			return errs.New(errs.Invalid, "pixel %d at position %d: NSIDE %d has pixels 0 to %d", p, i, m.Nside, npix-1)
		}
		ascending = ascending && (i == 0 || m.Pixels[i-1] < p)
	}
	if ascending {
		return nil
	}
	perm := sortPixels(m.Pixels)
	for i := 1; i < len(m.Pixels); i++ {
		if m.Pixels[i] == m.Pixels[i-1] {
			return errs.New(errs.Invalid, "pixel %d appears more than once: want every pixel once", m.Pixels[i])
		}
	}
	for i := range columns {
		*columns[i] = *permute(columns[i], perm)
	}
	return nil
}

// coordinates brings the spellings of COORDSYS to the letters that healpy writes.
func coordinates(s string) string {
	s = strings.ToUpper(s)
	switch {
	case strings.HasPrefix(s, "G"):
		return "G"
	case strings.HasPrefix(s, "EQ"), strings.HasPrefix(s, "C"), s == "Q":
		return "C"
	case strings.HasPrefix(s, "E"):
		return "E"
	}
	return s
}
