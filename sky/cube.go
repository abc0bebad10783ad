package sky

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// CubeOptions say what of a file to read, where it holds several arrays.
type CubeOptions struct {
	HDU     int    // FITS: number of the image's HDU; 0: the first that holds data
	HDUName string // FITS: EXTNAME of the image, in place of HDU
	Name    string // .npz: name of the array; may be empty if there is one only
	Limit   int64  // bytes that compressed data may unpack to; 0: 8 GiB
}

// ReadCube reads an array: a FITS image of any BITPIX, perhaps compressed by gzip, a .npy file, or one array of an .npz file. The
// content decides, not the name. See [ReadCubeFrom].
func ReadCube(path string, opt CubeOptions) (*graph.Tensor, error) {
	src, closer, err := openSource(path, opt.Limit)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	t, err := readCube(src, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// ReadCubeFrom reads an array from the bytes of a file. Axes stand as numpy and astropy give them, the last one running
// fastest, so a FITS image of NAXIS1 = 3, NAXIS2 = 2 has shape [2, 3]; Fortran order is converted. Element types stay, but
// that FITS integers with BLANK, and images with BSCALE or BZERO which do not just make a type unsigned or signed, become
// float64, BLANK becoming NaN.
func ReadCubeFrom(r io.Reader, opt CubeOptions) (*graph.Tensor, error) {
	src, err := readSource(r, opt.Limit)
	if err != nil {
		return nil, err
	}
	return readCube(src, opt)
}

func readCube(src source, opt CubeOptions) (*graph.Tensor, error) {
	magic := make([]byte, min(src.size, 8))
	if err := src.readAt(magic, 0); err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte(npyMagic)):
		return readNpy(src)
	case bytes.HasPrefix(magic, []byte("PK")):
		return readNpz(src, opt.Name, opt.Limit)
	case bytes.HasPrefix(magic, []byte("SIMPLE")):
		return readImage(src, opt)
	}
	return nil, errs.New(errs.Invalid, "the file begins with %q: want a FITS, .npy or .npz file", magic)
}

func readImage(src source, opt CubeOptions) (*graph.Tensor, error) {
	list, err := readHDUs(src)
	if err != nil {
		return nil, err
	}
	h, err := findHDU(list, opt.HDUName, opt.HDU, func(h *hdu) bool { return h.kind == "IMAGE" && len(h.axes) > 0 })
	if err != nil {
		return nil, err
	}
	if h == nil || h.kind != "IMAGE" || len(h.axes) == 0 {
		if h == nil {
			h = list[len(list)-1]
			if err := src.holds(h); err != nil {
				return nil, err
			}
		}
		return nil, errs.New(errs.Input, "%s is of kind %s with axes %v: want an image", h.title(), h.kind, h.axes).
			WithHint("read HEALPix maps with ReadMap")
	}
	if h.groups() {
		return nil, errs.New(errs.Input, "%s holds random groups: want an image", h.title())
	}
	if err := src.holds(h); err != nil {
		return nil, err
	}
	f, err := h.pixels()
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(h.axes)
	slices.Reverse(shape)
	if n, ok := graph.NumElements(shape); !ok || n*f.width != h.size {
		return nil, errs.New(errs.Invalid, "%s: axes %v do not make %d bytes", h.title(), h.axes, h.size)
	} else if f.repeat = n; n == 0 {
		return graph.NewTensor(f.dtype, shape...), nil
	}
	row := &hdu{axes: []int64{h.size, 1}, offset: h.offset}
	data, err := readColumns(src, row, []field{f})
	if err != nil {
		return nil, err
	}
	data[0].Shape = shape
	return data[0], nil
}

var imageCodes = map[int]byte{8: 'B', 16: 'I', 32: 'J', 64: 'K', -32: 'E', -64: 'D'}

// pixels describes an image's pixels as a column's elements.
func (h *hdu) pixels() (field, error) {
	code := imageCodes[h.bitpix]
	f := field{code: code, width: formWidths[code], dtype: formTypes[code], absent: math.Float64frombits(0x7ff8 << 48)} // NaN as numpy has it
	scale, zero, err := h.scaling("BSCALE", "BZERO")
	if err != nil {
		return f, err
	}
	if f.dtype.IsInt() {
		if blank, ok, err := h.int("BLANK"); err != nil {
			return f, err
		} else if ok {
			f.null = &blank
		}
	}
	f.rescale(scale, zero, f.null != nil)
	return f, nil
}

// WriteCube writes an array as a FITS image (.fits, .fit, .fts, each also with .gz), as .npy or as .npz, by the name's ending,
// atomically as [WriteFile] does. In an .npz file the array is named as the tensor is, or arr_0.
func WriteCube(path string, t *graph.Tensor) error {
	if err := t.Check(); err != nil {
		return errs.New(errs.Input, "%w", err)
	}
	switch strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz"))) {
	case ".fits", ".fit", ".fts":
		return WriteFile(path, func(w io.Writer) error { return WriteImageTo(w, t) })
	case ".npy":
		return WriteFile(path, func(w io.Writer) error { return WriteNpyTo(w, t) })
	case ".npz":
		return WriteArrays(path, t)
	}
	return errs.New(errs.Output, "%s: unknown kind of file", path).WithHint("name it .fits, .npy or .npz")
}

// WriteImageTo writes a tensor of rank 1 or more as the primary image of a FITS file. Element types are float32, float64 and the
// integers.
func WriteImageTo(w io.Writer, t *graph.Tensor) error {
	if t.Kind != graph.TensorKind || !columnType(t.DType) || t.DType == graph.Bool ||
		len(t.Shape) == 0 || len(t.Shape) > 999 {
		return errs.New(errs.Input, "a FITS image of %s: want float32, float64 or integers of rank 1 or more", t).
			WithHint("convert it, or write .npy")
	}
	f := storage(t.DType)
	bitpix := 8 * int(f.width)
	if t.DType.IsFloat() {
		bitpix = -bitpix
	}
	cards := []Card{
		{Name: "SIMPLE", Value: true, Comment: "conforms to FITS standard"},
		{Name: "BITPIX", Value: bitpix},
		{Name: "NAXIS", Value: len(t.Shape)},
	}
	for i := range t.Shape {
		cards = append(cards, Card{Name: fmt.Sprintf("NAXIS%d", i+1), Value: int(t.Shape[len(t.Shape)-1-i])})
	}
	if f.flip {
		cards = append(cards, Card{Name: "BSCALE", Value: 1}, Card{Name: "BZERO", Value: zeroCard(f.zero)})
	}
	if _, err := w.Write(encodeHeader(cards)); err != nil {
		return err
	}
	buf := make([]byte, chunkSize)
	for raw := t.Raw; len(raw) > 0; {
		n := min(len(raw), chunkSize)
		f.encode(buf[:n], raw[:n], n/int(f.width), n)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	_, err := w.Write(make([]byte, pad(len(t.Raw))))
	return err
}
