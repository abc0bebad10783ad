package runtime

import "github.com/astronnx/astronnx/graph"

// Tensor is a value: a dense array of any ONNX element type, or a sequence, optional or map of values. Make one with [FromSlice],
// view its elements with [Data].
type Tensor = graph.Tensor

// DType is an element type.
type DType = graph.DType

// Dim is a dimension of a symbolic shape: a size, a name, or neither.
type Dim = graph.Dim

// Type is the static type of an input or output.
type Type = graph.Type

// Element is a Go type that stores elements of a tensor.
type Element = graph.Element

// The element types that Go's number types store, and strings. More are in package graph.
const (
	Float32  = graph.Float32
	Float64  = graph.Float64
	Float16  = graph.Float16
	BFloat16 = graph.BFloat16
	Int8     = graph.Int8
	Int16    = graph.Int16
	Int32    = graph.Int32
	Int64    = graph.Int64
	Uint8    = graph.Uint8
	Uint16   = graph.Uint16
	Uint32   = graph.Uint32
	Uint64   = graph.Uint64
	Bool     = graph.Bool
	String   = graph.String
)

// NewTensor returns a tensor of zeros. It panics if the shape is negative or overflows.
func NewTensor(d DType, shape ...int64) *Tensor { return graph.NewTensor(d, shape...) }

// FromSlice returns a tensor that shares data's memory. It panics if the shape does not hold len(data) elements.
func FromSlice[T Element](data []T, shape ...int64) *Tensor { return graph.FromSlice(data, shape...) }

// Scalar returns a tensor of rank 0.
func Scalar[T Element](x T) *Tensor { return graph.Scalar(x) }

// Data views the elements of t without a copy. It panics if T does not store t's element type.
func Data[T Element](t *Tensor) []T { return graph.Data[T](t) }
