package sky

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"codeberg.org/sbinet/npyio/npz"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

const (
	npyMagic     = "\x93NUMPY"
	maxNpyHeader = 1 << 16
	maxRank      = 64 // numpy's own
)

// npyTypes maps numpy's type codes without byte order.
var npyTypes = map[string]graph.DType{
	"f2": graph.Float16, "f4": graph.Float32, "f8": graph.Float64, "c8": graph.Complex64, "c16": graph.Complex128,
	"i1": graph.Int8, "i2": graph.Int16, "i4": graph.Int32, "i8": graph.Int64,
	"u1": graph.Uint8, "u2": graph.Uint16, "u4": graph.Uint32, "u8": graph.Uint64, "b1": graph.Bool,
}

// npyDict is the dictionary of a .npy header with its type, order and shape. npyio cuts the dictionary at fixed distances from
// its keys, unchecked, and reads element by element; so .npy is read here, and npyio opens .npz.
var npyDict = regexp.MustCompile(
	`^\{'descr': '([<>=|]?[A-Za-z0-9?]+)', *'fortran_order': (True|False), *'shape': \(([0-9, ]*)\),? *\} *\n?$`)

// npyHeader is what a .npy file says before its data.
type npyHeader struct {
	dtype   graph.DType
	shape   []int64
	offset  int64 // of the data
	size    int64 // of the data; the file holds as much
	swapped bool  // big-endian
	fortran bool  // the first axis runs fastest
}

// readNpyHeader reads the header of numpy's NEP 1, version 1 or 2.
func readNpyHeader(src source) (*npyHeader, error) {
	lead := make([]byte, min(src.size, 12))
	if err := src.readAt(lead, 0); err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) error { return errs.New(errs.Invalid, ".npy: "+format, args...) }
	if len(lead) < 12 || string(lead[:6]) != npyMagic {
		return nil, bad("the header is truncated or missing")
	}
	start, size := int64(10), int64(binary.LittleEndian.Uint16(lead[8:]))
	switch lead[6] {
	case 1:
	case 2:
		start, size = 12, int64(binary.LittleEndian.Uint32(lead[8:]))
	default:
		return nil, bad("format version %d.%d: want 1 or 2", lead[6], lead[7])
	}
	if size > maxNpyHeader || start+size > src.size {
		return nil, bad("a header of %d bytes in a file of %d: want at most %d, and the file whole", size, src.size, maxNpyHeader)
	}
	head := make([]byte, start+size)
	if err := src.readAt(head, 0); err != nil {
		return nil, err
	}
	dict := npyDict.FindStringSubmatch(string(head[start:]))
	if dict == nil {
		return nil, bad("header %.200q: want the type of plain numbers, fortran_order and shape", head[start:])
	}
	code := dict[1]
	h := &npyHeader{offset: start + size, swapped: strings.HasPrefix(code, ">"), fortran: dict[2] == "True"}
	var ok bool
	if h.dtype, ok = npyTypes[strings.TrimLeft(code, "<>=|")]; !ok {
		return nil, errs.New(errs.Input, ".npy: element type %s: want floats, integers, bool or complex", code)
	}
	var err error
	if h.shape, err = npyShape(dict[3]); err != nil {
		return nil, bad("%w", err)
	}
	n, ok := graph.NumElements(h.shape)
	var ok2 bool
	h.size, ok2 = graph.ByteSize(h.dtype, n)
	if !ok || !ok2 || len(h.shape) > maxRank {
		return nil, errs.New(errs.Limit, ".npy: shape %v is larger than any file", h.shape)
	}
	if have := src.size - h.offset; h.size > have {
		return nil, bad("%s%v takes %d bytes, the file has %d: it is truncated", h.dtype, h.shape, h.size, have)
	}
	return h, nil
}

// readNpy reads an array.
func readNpy(src source) (*graph.Tensor, error) {
	h, err := readNpyHeader(src)
	if err != nil {
		return nil, err
	}
	t := graph.NewTensor(h.dtype, h.shape...)
	if err := src.readAt(t.Raw, h.offset); err != nil {
		return nil, err
	}
	h.repair(t.Raw)
	if h.fortran {
		t = fromFortran(t)
	}
	return t, nil
}

// repair makes stored bytes those of a tensor: little-endian, and 0 or 1 for a bool.
func (h *npyHeader) repair(raw []byte) {
	if h.swapped {
		swapBytes(raw, wordSize(h.dtype))
	}
	if h.dtype == graph.Bool {
		for i, b := range raw {
			raw[i] = min(b, 1)
		}
	}
}

func npyShape(s string) ([]int64, error) {
	shape := []int64{}
	for _, tok := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.ParseInt(tok, 10, 64)
		if err != nil {
			return nil, err
		}
		shape = append(shape, n)
	}
	return shape, nil
}

// wordSize returns the bytes of what has a byte order: an element, or a complex number's part.
func wordSize(d graph.DType) int {
	if d == graph.Complex64 || d == graph.Complex128 {
		return d.Bits() / 16
	}
	return d.Bits() / 8
}

func swapBytes(raw []byte, size int) {
	for ; len(raw) >= size; raw = raw[size:] {
		slices.Reverse(raw[:size])
	}
}

// fromFortran brings elements whose first axis runs fastest into row-major order.
func fromFortran(t *graph.Tensor) *graph.Tensor {
	out := graph.NewTensor(t.DType, t.Shape...)
	size := t.DType.Bits() / 8
	rank := len(t.Shape)
	stride := make([]int, rank)
	step := size
	for i, d := range t.Shape {
		stride[i] = step
		step *= int(d)
	}
	index := make([]int64, rank)
	from := 0
	for to := 0; to < len(out.Raw); to += size {
		copy(out.Raw[to:to+size], t.Raw[from:])
		for axis := rank - 1; axis >= 0; axis-- {
			index[axis]++
			from += stride[axis]
			if index[axis] < t.Shape[axis] {
				break
			}
			from -= int(index[axis]) * stride[axis]
			index[axis] = 0
		}
	}
	return out
}

// WriteNpyTo writes a tensor in numpy's .npy format, version 1, row-major and little-endian. All element types but strings,
// bfloat16 and those of less than a byte or of eight-bit floats have one.
func WriteNpyTo(w io.Writer, t *graph.Tensor) error {
	code := ""
	for c, d := range npyTypes {
		if d == t.DType {
			code = c
		}
	}
	if code == "" || t.Kind != graph.TensorKind {
		return errs.New(errs.Input, "numpy has no type for %s", t).WithHint("convert it to float32")
	}
	order := "<"
	if t.DType.Bits() == 8 {
		order = "|"
	}
	var shape strings.Builder
	for i, d := range t.Shape {
		if i > 0 {
			shape.WriteString(", ")
		}
		fmt.Fprint(&shape, d)
	}
	if len(t.Shape) == 1 {
		shape.WriteString(",")
	}
	dict := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, code, shape.String())
	const lead = 10
	dict += strings.Repeat(" ", 63-(lead+len(dict))%64) + "\n" // data begin at a multiple of 64
	head := append([]byte(npyMagic), 1, 0, byte(len(dict)), byte(len(dict)>>8))
	if _, err := w.Write(append(head, dict...)); err != nil {
		return err
	}
	_, err := w.Write(t.Raw)
	return err
}

// ReadArrays reads all arrays of an .npz file, each named, in the order of the file. The limit, 0 for 8 GiB, bounds the bytes
// that they unpack to together.
func ReadArrays(path string, limit int64) ([]*graph.Tensor, error) {
	src, closer, err := openSource(path, limit)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	list, err := readArrays(src, limit, func(string) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// ReadArraysFrom is ReadArrays of the bytes of a file.
func ReadArraysFrom(r io.Reader, limit int64) ([]*graph.Tensor, error) {
	src, err := readSource(r, limit)
	if err != nil {
		return nil, err
	}
	return readArrays(src, limit, func(string) bool { return true })
}

func readArrays(src source, limit int64, want func(name string) bool) ([]*graph.Tensor, error) {
	r, err := npz.NewReader(src, src.size)
	if err != nil {
		return nil, errs.New(errs.Invalid, ".npz: %w", err)
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	var list []*graph.Tensor
	for _, key := range r.Keys() {
		name := strings.TrimSuffix(key, ".npy")
		if !want(name) {
			continue
		}
		t, used, err := readEntry(r, key, limit)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		limit -= used
		t.Name = name
		list = append(list, t)
	}
	return list, nil
}

func readEntry(r *npz.Reader, key string, limit int64) (*graph.Tensor, int64, error) {
	entry, err := r.Open(key)
	if err != nil {
		return nil, 0, errs.New(errs.Invalid, ".npz: %w", err)
	}
	defer entry.Close()
	data, err := io.ReadAll(io.LimitReader(entry, limit))
	if err != nil {
		return nil, 0, errs.New(errs.Invalid, ".npz, after %d bytes: %w", len(data), err)
	}
	if int64(len(data)) == limit {
		if n, err := entry.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return nil, 0, errs.New(errs.Limit, ".npz: the arrays unpack to more than the limit").
				WithHint("raise the limit if the file is to be trusted")
		}
	}
	t, err := readNpy(source{bytes.NewReader(data), int64(len(data))})
	return t, int64(len(data)), err
}

// readNpz reads one array of an .npz file: the named one, or the only one.
func readNpz(src source, name string, limit int64) (*graph.Tensor, error) {
	var have []string
	list, err := readArrays(src, limit, func(s string) bool {
		have = append(have, s)
		return s == name || name == "" && len(have) == 1
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || name == "" && len(have) > 1 {
		want := fmt.Sprintf("no array %q", name)
		if name == "" {
			want = fmt.Sprintf("%d arrays: say which one by name", len(have))
		}
		return nil, errs.New(errs.Input, ".npz: %s", want).WithHint("the file has %s", strings.Join(have, ", "))
	}
	return list[0], nil
}

// WriteArrays writes tensors as an .npz file, atomically as [WriteFile] does.
func WriteArrays(path string, arrays ...*graph.Tensor) error {
	return WriteFile(path, func(w io.Writer) error { return WriteArraysTo(w, arrays...) })
}

// WriteArraysTo writes tensors as an .npz file. Arrays without a name become arr_0, arr_1, … by their position.
func WriteArraysTo(w io.Writer, arrays ...*graph.Tensor) error {
	z := zip.NewWriter(w)
	seen := map[string]bool{}
	for i, t := range arrays {
		name := t.Name
		if name == "" {
			name = fmt.Sprintf("arr_%d", i)
		}
		if seen[name] {
			return errs.New(errs.Input, "two arrays are named %q: want every name once", name)
		}
		seen[name] = true
		if err := t.Check(); err != nil {
			return errs.New(errs.Input, "array %q: %w", name, err)
		}
		entry, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := WriteNpyTo(entry, t); err != nil {
			return err
		}
	}
	return z.Close()
}
