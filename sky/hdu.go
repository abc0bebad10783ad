package sky

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
)

// hdu is a header-data unit of a FITS file: what its header says, and where its data are.
type hdu struct {
	header
	index  int
	kind   string // "IMAGE", "BINTABLE", "TABLE" or what else XTENSION says
	bitpix int
	axes   []int64 // NAXIS1 first, the fastest axis
	offset int64   // of the data
	size   int64   // of the data without padding
}

// title names an HDU for a person.
func (h *hdu) title() string {
	if name := h.str("EXTNAME"); name != "" {
		return fmt.Sprintf("HDU %d (%s)", h.index, name)
	}
	return fmt.Sprintf("HDU %d", h.index)
}

// readHDUs lists the HDUs of a file. The last one's data may be cut short: [source.holds] tells. Bytes after the last HDU that
// begin no other are ignored, as the standard demands.
func readHDUs(src source) ([]*hdu, error) {
	var list []*hdu
	for off := int64(0); off < src.size; {
		h, err := readHDU(src, off, len(list))
		if err != nil {
			return nil, err
		}
		if h == nil {
			break
		}
		list = append(list, h)
		if h.size > src.size-h.offset {
			break
		}
		off = h.offset + h.size + pad(h.size)
	}
	if len(list) == 0 {
		return nil, errs.New(errs.Invalid, "an empty file: want FITS")
	}
	return list, nil
}

// readHDU reads the header at off; nil if none begins there.
func readHDU(src source, off int64, index int) (*hdu, error) {
	var lines []byte
	start := off
	for end := -1; end < 0; {
		n := len(lines)
		if n >= maxHeader {
			return nil, errs.New(errs.Limit, "the header of HDU %d has no END within %d bytes", index, maxHeader)
		}
		block := make([]byte, min(blockSize, src.size-off))
		if err := src.readAt(block, off); err != nil {
			return nil, err
		}
		if n == 0 && !bytes.HasPrefix(block, []byte("SIMPLE  =")) && (index == 0 || !bytes.HasPrefix(block, []byte("XTENSION="))) {
			if index > 0 {
				return nil, nil
			}
			return nil, errs.New(errs.Invalid, "the file begins with %q: want SIMPLE, as every FITS file", block[:min(8, len(block))])
		}
		lines = append(lines, block...)
		off += int64(len(block))
		for i := n; i+cardSize <= len(lines); i += cardSize {
			if bytes.HasPrefix(lines[i:], []byte("END     ")) {
				end = i
				break
			}
		}
		if end >= 0 {
			lines = lines[:end]
		} else if len(block) < blockSize || off >= src.size {
			return nil, truncated(fmt.Sprintf("the header of HDU %d", index), src.size, "END")
		}
	}
	h := &hdu{header: parseHeader(lines), index: index, kind: "IMAGE", offset: start + int64(len(lines)+cardSize)}
	h.offset += pad(h.offset)
	if index > 0 {
		h.kind = h.str("XTENSION")
	}
	if err := h.measure(); err != nil {
		return nil, fmt.Errorf("HDU %d: %w", index, err)
	}
	return h, nil
}

// measure reads the sizes from the header: the data are |BITPIX|/8 · GCOUNT · (PCOUNT + NAXIS1 · … · NAXISn) bytes.
func (h *hdu) measure() error {
	bitpix, err := h.need("BITPIX", -64, 64)
	if err != nil {
		return err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
	default:
		return errs.New(errs.Invalid, "header card BITPIX = %d: want 8, 16, 32, 64, -32 or -64", bitpix)
	}
	h.bitpix = int(bitpix)
	naxis, err := h.need("NAXIS", 0, 999)
	if err != nil {
		return err
	}
	const most = 1 << 50
	product := uint64(1)
	for i := range naxis {
		n, err := h.need(fmt.Sprintf("NAXIS%d", i+1), 0, most)
		if err != nil {
			return err
		}
		h.axes = append(h.axes, n)
		if i == 0 && n == 0 && naxis > 1 && h.groups() {
			continue
		}
		hi, lo := bits.Mul64(product, uint64(n))
		if hi != 0 || lo > most {
			return errs.New(errs.Limit, "axes %v are larger than any file", h.axes)
		}
		product = lo
	}
	if naxis == 0 {
		return nil
	}
	pcount, gcount := int64(0), int64(1)
	if _, ok := h.get("PCOUNT"); ok {
		if pcount, err = h.need("PCOUNT", 0, most); err != nil {
			return err
		}
	}
	if _, ok := h.get("GCOUNT"); ok {
		if gcount, err = h.need("GCOUNT", 0, most); err != nil {
			return err
		}
	}
	hi, lo := bits.Mul64(uint64(gcount)*uint64(max(h.bitpix, -h.bitpix)/8), product+uint64(pcount))
	if hi != 0 || lo > 1<<62 {
		return errs.New(errs.Limit, "axes %v in %d groups are larger than any file", h.axes, gcount)
	}
	h.size = int64(lo)
	return nil
}

// groups reports whether the primary HDU holds random groups, whose first axis says 0 and does not count.
func (h *hdu) groups() bool {
	v, _ := h.get("GROUPS")
	yes, _ := v.(bool)
	return yes
}

// holds returns an error if the file ends before h's data do.
func (s source) holds(h *hdu) error {
	if h.size > s.size-h.offset {
		return truncated(h.title(), s.size, fmt.Sprintf("%d bytes of data at offset %d", h.size, h.offset))
	}
	return nil
}

func truncated(where string, size int64, want string) error {
	return errs.New(errs.Invalid, "truncated FITS file: %s wants %s, the file has %d bytes", where, want, size).
		WithHint("fetch or write it again")
}

// findHDU returns the HDU of a name (EXTNAME, case ignored) or, if the name is empty, of a number; the number 0 leaves the
// choice to pick.
func findHDU(list []*hdu, name string, number int, pick func(*hdu) bool) (*hdu, error) {
	var titles []string
	for _, h := range list {
		switch {
		case name != "":
			if strings.EqualFold(h.str("EXTNAME"), name) {
				return h, nil
			}
		case number != 0:
			if h.index == number {
				return h, nil
			}
		case pick(h):
			return h, nil
		}
		titles = append(titles, fmt.Sprintf("%s: %s", h.title(), h.kind))
	}
	have := strings.Join(titles, "; ")
	switch {
	case name != "":
		return nil, errs.New(errs.Input, "no HDU is named %q", name).WithHint("the file has %s", have)
	case number != 0:
		return nil, errs.New(errs.Input, "no HDU %d", number).WithHint("the file has %s", have)
	}
	return nil, nil
}
