package graph

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unsafe"
)

func f32bits(x float32) uint32 { return math.Float32bits(x) }
func f32from(u uint32) float32 { return math.Float32frombits(u) }

// Tensor is a value at run time and a constant in a graph: a dense array, or, where Kind says so, a sequence, an optional or a map
// of such values.
//
// The elements of a dense tensor are in Raw, row-major, little-endian, aligned to eight bytes, or in Strings. View them with
// [Data]. A Tensor may be read by many goroutines and written by one.
type Tensor struct {
	Name     string // initializers and attributes; may be empty
	Doc      string
	Kind     Kind // TensorKind unless set
	DType    DType
	Shape    []int64
	Raw      []byte
	Strings  []string
	External *External // where the bytes are kept outside the model file; Raw is nil until they are read
	Metadata map[string]string

	// Elems are the elements of a sequence, the one element of a present optional (none: absent), or of a map its keys, a vector,
	// and its values, a sequence or a vector.
	Elems []*Tensor
}

// External names a byte range outside the model file.
type External struct {
	Location string
	Offset   int64
	Length   int64 // -1: to the end of the file
	Checksum string
	Extra    map[string]string // further keys of the file's entry
}

// NumElements multiplies dims. It returns false for a negative dimension or a product beyond int64.
func NumElements(dims []int64) (int64, bool) {
	n := uint64(1)
	zero := false
	for _, d := range dims {
		if d < 0 {
			return 0, false
		}
		if d == 0 {
			zero = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		n = lo
	}
	if zero {
		return 0, true
	}
	return int64(n), true
}

// ByteSize returns the bytes that n elements of type d take, sub-byte types packed. It returns false on overflow.
func ByteSize(d DType, n int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(n), uint64(d.Bits()))
	if n < 0 || hi != 0 || lo > math.MaxInt64-7 {
		return 0, false
	}
	return int64(lo+7) / 8, true
}

// AlignedBytes returns n zero bytes whose address is a multiple of eight, so that every element type can be viewed in them.
func AlignedBytes(n int) []byte {
	if n == 0 {
		return []byte{}
	}
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

// NewTensor returns a dense tensor of zeros, or of empty strings. It panics if the shape is negative or overflows.
func NewTensor(d DType, shape ...int64) *Tensor {
	n, ok := NumElements(shape)
	size, ok2 := ByteSize(d, n)
	if !ok || !ok2 || !d.Valid() || size > math.MaxInt {
		panic(fmt.Sprintf("graph: no tensor of type %s and shape %v", d, shape))
	}
	t := &Tensor{DType: d, Shape: slices.Clone(shape)}
	if t.Shape == nil {
		t.Shape = []int64{}
	}
	if d == String {
		t.Strings = make([]string, n)
	} else {
		t.Raw = AlignedBytes(int(size))
	}
	return t
}

// FromSlice returns a tensor that shares data's memory. It panics if the shape does not hold len(data) elements.
func FromSlice[T Element](data []T, shape ...int64) *Tensor {
	if n, ok := NumElements(shape); !ok || n != int64(len(data)) {
		panic(fmt.Sprintf("graph: %d elements do not fill shape %v", len(data), shape))
	}
	var z T
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*int(unsafe.Sizeof(z)))
	if raw == nil {
		raw = []byte{}
	}
	s := slices.Clone(shape)
	if s == nil {
		s = []int64{}
	}
	return &Tensor{DType: DTypeOf[T](), Shape: s, Raw: raw}
}

// Scalar returns a rank-0 tensor.
func Scalar[T Element](x T) *Tensor { return FromSlice([]T{x}) }

// Vector returns a rank-1 tensor that shares xs.
func Vector[T Element](xs ...T) *Tensor { return FromSlice(xs, int64(len(xs))) }

// FromStrings returns a string tensor that shares data.
func FromStrings(data []string, shape ...int64) *Tensor {
	if n, ok := NumElements(shape); !ok || n != int64(len(data)) {
		panic(fmt.Sprintf("graph: %d strings do not fill shape %v", len(data), shape))
	}
	return &Tensor{DType: String, Shape: append([]int64{}, shape...), Strings: data}
}

// Sequence returns a sequence of values.
func Sequence(elems ...*Tensor) *Tensor { return &Tensor{Kind: SequenceKind, Elems: elems} }

// Optional returns an optional that holds v, or an absent one if v is nil.
func Optional(v *Tensor) *Tensor {
	t := &Tensor{Kind: OptionalKind}
	if v != nil {
		t.Elems = []*Tensor{v}
	}
	return t
}

// Data views t's elements as T without a copy. It panics if T does not store t's element type.
func Data[T Element](t *Tensor) []T {
	if want := DTypeOf[T](); t.DType != want {
		panic(fmt.Sprintf("graph: Data[%s] of a %s tensor", want, t.DType))
	}
	var z T
	size := int(unsafe.Sizeof(z))
	if len(t.Raw)%size != 0 {
		panic(fmt.Sprintf("graph: %d bytes are no whole number of %s elements", len(t.Raw), t.DType))
	}
	p := unsafe.SliceData(t.Raw)
	if len(t.Raw) > 0 && uintptr(unsafe.Pointer(p))%unsafe.Alignof(z) != 0 {
		panic("graph: tensor bytes are not aligned to their element type")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(p)), len(t.Raw)/size)
}

// Len returns the number of elements of a dense tensor, or of Elems.
func (t *Tensor) Len() int64 {
	if t.Kind != TensorKind {
		return int64(len(t.Elems))
	}
	n, _ := NumElements(t.Shape)
	return n
}

// Loaded reports whether t's bytes are in memory: false for external data that was not read.
func (t *Tensor) Loaded() bool { return t.External == nil || t.Raw != nil }

// Check reports how t's bytes disagree with its type and shape; nil if they do not.
func (t *Tensor) Check() error {
	if t.Kind != TensorKind {
		for i, e := range t.Elems {
			if e == nil {
				return fmt.Errorf("element %d of a %s is nil", i, t.Kind)
			}
			if err := e.Check(); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	}
	if !t.DType.Valid() {
		return fmt.Errorf("element type %s", t.DType)
	}
	n, ok := NumElements(t.Shape)
	if !ok {
		return fmt.Errorf("shape %v is negative or overflows", t.Shape)
	}
	if !t.Loaded() {
		return nil
	}
	if t.DType == String {
		if int64(len(t.Strings)) != n {
			return fmt.Errorf("%d strings for shape %v", len(t.Strings), t.Shape)
		}
		return nil
	}
	if size, ok := ByteSize(t.DType, n); !ok || size != int64(len(t.Raw)) {
		return fmt.Errorf("%d bytes for %s%v, want %d", len(t.Raw), t.DType, t.Shape, size)
	}
	align := min(uintptr(max(t.DType.Bits()/8, 1)), 8)
	if len(t.Raw) > 0 && uintptr(unsafe.Pointer(unsafe.SliceData(t.Raw)))%align != 0 {
		return fmt.Errorf("the bytes of %s are not aligned to %d: make them with AlignedBytes", t, align)
	}
	return nil
}

// Clone copies t and its elements.
func (t *Tensor) Clone() *Tensor {
	if t == nil {
		return nil
	}
	c := *t
	c.Shape = slices.Clone(t.Shape)
	c.Strings = slices.Clone(t.Strings)
	if t.Raw != nil {
		c.Raw = AlignedBytes(len(t.Raw))
		copy(c.Raw, t.Raw)
	}
	c.Elems = make([]*Tensor, len(t.Elems))
	for i, e := range t.Elems {
		c.Elems[i] = e.Clone()
	}
	return &c
}

// Equal reports whether two values have the same type, shape and bits; names and documentation do not count.
func (t *Tensor) Equal(u *Tensor) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Kind == u.Kind && t.DType == u.DType && slices.Equal(t.Shape, u.Shape) && bytes.Equal(t.Raw, u.Raw) &&
		slices.Equal(t.Strings, u.Strings) && slices.EqualFunc(t.Elems, u.Elems, (*Tensor).Equal)
}

// String shows type and shape, not the elements.
func (t *Tensor) String() string {
	if t == nil {
		return "none"
	}
	if t.Kind != TensorKind {
		return fmt.Sprintf("%s of %d", t.Kind, len(t.Elems))
	}
	return fmt.Sprintf("%s%v", t.DType, t.Shape)
}
