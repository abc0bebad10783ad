package graph

import (
	"fmt"

	"github.com/x448/float16"
)

// DType is an element type, numbered as ONNX's TensorProto.DataType.
type DType int32

// Element types. Sub-byte types are packed, low bits first.
const (
	Undefined DType = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
	dtypeEnd
)

var dtypes = [dtypeEnd]struct {
	name string
	bits int
}{
	{"undefined", 0}, {"float32", 32}, {"uint8", 8}, {"int8", 8}, {"uint16", 16}, {"int16", 16}, {"int32", 32}, {"int64", 64},
	{"string", 0}, {"bool", 8}, {"float16", 16}, {"float64", 64}, {"uint32", 32}, {"uint64", 64}, {"complex64", 64},
	{"complex128", 128}, {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8}, {"float8e5m2fnuz", 8},
	{"uint4", 4}, {"int4", 4}, {"float4e2m1", 4}, {"float8e8m0", 8}, {"uint2", 2}, {"int2", 2},
}

// Valid reports whether d is a defined element type.
func (d DType) Valid() bool { return d > Undefined && d < dtypeEnd }

// Bits returns the size of one element in bits, 0 for strings.
func (d DType) Bits() int {
	if !d.Valid() {
		return 0
	}
	return dtypes[d].bits
}

// String returns NumPy's name of the type where it has one.
func (d DType) String() string {
	if d >= 0 && d < dtypeEnd {
		return dtypes[d].name
	}
	return fmt.Sprintf("dtype(%d)", int32(d))
}

// ParseDType is the inverse of String.
func ParseDType(s string) (DType, error) {
	for d, e := range dtypes {
		if e.name == s && d > 0 {
			return DType(d), nil
		}
	}
	return 0, fmt.Errorf("graph: unknown element type %q", s)
}

// IsFloat reports whether d is a real floating-point type.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float64, Float16, BFloat16, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1, Float8E8M0:
		return true
	}
	return false
}

// IsInt reports whether d is a signed or unsigned integer type.
func (d DType) IsInt() bool {
	switch d {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Uint32, Uint64, Uint4, Int4, Uint2, Int2:
		return true
	}
	return false
}

// BF16 is a bfloat16: the upper half of a float32.
type BF16 uint16

// ToBF16 rounds to nearest, ties to even; NaN stays NaN.
func ToBF16(x float32) BF16 {
	u := f32bits(x)
	if x != x {
		return BF16(u>>16 | 0x40)
	}
	return BF16((u + 0x7fff + u>>16&1) >> 16)
}

// Float32 widens exactly.
func (b BF16) Float32() float32 { return f32from(uint32(b) << 16) }

// Element is a Go type that stores elements of one DType.
type Element interface {
	float32 | float64 | float16.Float16 | BF16 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool |
		complex64 | complex128
}

// DTypeOf returns the element type that T stores.
func DTypeOf[T Element]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case float16.Float16:
		return Float16
	case BF16:
		return BFloat16
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case bool:
		return Bool
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	}
	panic("graph: unreachable element type")
}
