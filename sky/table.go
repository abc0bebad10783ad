package sky

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
)

// field is a column of a binary table as its header describes it.
type field struct {
	name, unit string
	code       byte // of TFORM
	repeat     int64
	width      int64 // bytes of one element; 0 for bits
	offset     int64 // in the row

	dtype  graph.DType // of the values; Undefined if they are no numbers
	flip   bool        // stored with the sign bit inverted: TZERO makes an unsigned type of a signed one, or the reverse
	scaled bool        // values are zero + scale · stored
	scale  float64
	zero   float64
	null   *int64
	absent float64 // what null becomes in a scaled column
}

var formWidths = map[byte]int64{
	'L': 1, 'X': 0, 'B': 1, 'I': 2, 'J': 4, 'K': 8, 'A': 1, 'E': 4, 'D': 8, 'C': 8, 'M': 16, 'P': 8, 'Q': 16,
}

var formTypes = map[byte]graph.DType{
	'L': graph.Bool, 'B': graph.Uint8, 'I': graph.Int16, 'J': graph.Int32, 'K': graph.Int64, 'E': graph.Float32, 'D': graph.Float64,
}

// flipped gives the type and the TZERO of integers that are stored with their sign bit inverted.
var flipped = map[byte]struct {
	dtype graph.DType
	zero  float64
}{
	'B': {graph.Int8, -1 << 7}, 'I': {graph.Uint16, 1 << 15}, 'J': {graph.Uint32, 1 << 31}, 'K': {graph.Uint64, 1 << 63},
}

// fields reads the columns of a binary table and checks that they fill its rows.
func (h *hdu) fields() ([]field, error) {
	if len(h.axes) != 2 || h.bitpix != 8 {
		return nil, errs.New(errs.Invalid, "%s: a binary table has 2 axes of bytes: got BITPIX %d, axes %v", h.title(),
			h.bitpix, h.axes)
	}
	n, err := h.need("TFIELDS", 0, 999)
	if err != nil {
		return nil, err
	}
	list := make([]field, n)
	width := int64(0)
	for i := range list {
		if list[i], err = h.field(i + 1); err != nil {
			return nil, err
		}
		f := &list[i]
		f.offset = width
		size := f.repeat * f.width
		if f.code == 'X' {
			size = (f.repeat + 7) / 8
		}
		width += size
		if width > h.axes[0] {
			break
		}
	}
	if width != h.axes[0] {
		return nil, errs.New(errs.Invalid, "%s: the columns take %d bytes a row, NAXIS1 says %d", h.title(), width, h.axes[0])
	}
	return list, nil
}

func (h *hdu) field(i int) (field, error) {
	key := func(s string) string { return fmt.Sprintf("%s%d", s, i) }
	f := field{name: h.str(key("TTYPE")), unit: h.str(key("TUNIT")), repeat: 1, absent: healpix.Unseen}
	if f.name == "" {
		f.name = fmt.Sprintf("COLUMN_%d", i)
	}
	form := h.str(key("TFORM"))
	if err := f.parseForm(form); err != nil {
		return f, errs.New(errs.Invalid, "%s, column %d (%s): %w", h.title(), i, f.name, err)
	}
	f.dtype = formTypes[f.code]

	scale, zero, err := h.scaling(key("TSCAL"), key("TZERO"))
	if err != nil {
		return f, err
	}
	f.rescale(scale, zero, false)
	if null, ok, err := h.int(key("TNULL")); err != nil {
		return f, err
	} else if ok && strings.IndexByte("BIJK", f.code) >= 0 {
		if f.flip && f.code == 'K' {
			null ^= math.MinInt64
		} else if f.flip {
			null += int64(f.zero)
		}
		if f.dtype != graph.Uint64 || null >= 0 { // an int64 holds it
			f.null = &null
		}
	}
	return f, nil
}

// parseForm reads a TFORM: a repeat count and a letter; what follows it is the business of strings and heaps.
func (f *field) parseForm(form string) error {
	letter := strings.TrimLeft(form, "0123456789")
	if letter == "" {
		return fmt.Errorf("TFORM %q: want a count and a letter, as 1024E", form)
	}
	f.code = letter[0]
	width, ok := formWidths[f.code]
	if !ok {
		return fmt.Errorf("TFORM %q: want one of L X B I J K A E D C M P Q", form)
	}
	f.width = width
	if digits := form[:len(form)-len(letter)]; digits != "" {
		n, ok := new(big.Int).SetString(digits, 10)
		if !ok || !n.IsInt64() || n.Int64() > 1<<40 {
			return fmt.Errorf("TFORM %q: the count is larger than any row", form)
		}
		f.repeat = n.Int64()
	}
	return nil
}

// scaling returns the values of two cards, 1 and 0 where they are missing.
func (h header) scaling(scaleCard, zeroCard string) (scale, zero float64, err error) {
	scale, ok, err := h.float(scaleCard)
	if err != nil {
		return 0, 0, err
	}
	if !ok {
		scale = 1
	}
	zero, _, err = h.float(zeroCard)
	return scale, zero, err
}

// rescale sets the type of values that are zero + scale · stored: float64, but for integers whose sign bit is inverted and,
// unless forced, for values that are as stored.
func (f *field) rescale(scale, zero float64, force bool) {
	f.scale, f.zero = scale, zero
	u, ok := flipped[f.code]
	switch {
	case f.dtype == graph.Undefined || f.dtype == graph.Bool:
	case force:
		f.dtype, f.scaled = graph.Float64, true
	case scale == 1 && zero == 0:
	case ok && scale == 1 && zero == u.zero:
		f.dtype, f.flip = u.dtype, true
	default:
		f.dtype, f.scaled = graph.Float64, true
	}
}
