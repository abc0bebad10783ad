package sky

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// readASCII reads the named columns of numbers, or all, of a table of text (FITS 4.0, section 7.2): a column's field begins at
// TBCOL and its width follows the letter of TFORM.
func readASCII(src source, h *hdu, names []string) ([]Column, error) {
	if len(h.axes) != 2 || h.bitpix != 8 {
		return nil, errs.New(errs.Invalid, "%s: a table has 2 axes of bytes: got BITPIX %d, axes %v", h.title(), h.bitpix, h.axes)
	}
	n, err := h.need("TFIELDS", 0, 999)
	if err != nil {
		return nil, err
	}
	if err := src.holds(h); err != nil {
		return nil, err
	}
	width, rows := h.axes[0], h.axes[1]
	text := make([]byte, width*rows)
	if err := src.readAt(text, h.offset); err != nil {
		return nil, err
	}
	var all []Column
	for i := int64(1); i <= n; i++ {
		key := func(s string) string { return fmt.Sprintf("%s%d", s, i) }
		form := h.str(key("TFORM"))
		if form == "" || !strings.ContainsRune("IFED", rune(form[0])) {
			continue
		}
		size, _, _ := strings.Cut(form[1:], ".")
		w, err := strconv.ParseInt(size, 10, 32)
		if err != nil || w < 1 || w > width {
			return nil, errs.New(errs.Invalid, "%s: TFORM%d %q: want a letter and a width, as E15.7", h.title(), i, form)
		}
		begin, err := h.need(key("TBCOL"), 1, width-w+1)
		if err != nil {
			return nil, err
		}
		data := make([]float64, rows)
		for row := range data {
			at := int64(row)*width + begin - 1
			field := strings.TrimSpace(string(text[at : at+w]))
			v, err := strconv.ParseFloat(strings.Replace(field, "D", "E", 1), 64)
			if err != nil || math.IsInf(v, 0) {
				return nil, errs.New(errs.Invalid, "%s, column %d, row %d: %q is no number", h.title(), i, row+1, field)
			}
			data[row] = v
		}
		all = append(all, Column{Name: h.str(key("TTYPE")), Unit: h.str(key("TUNIT")), Data: graph.FromSlice(data, rows)})
	}
	return named(all, names)
}
