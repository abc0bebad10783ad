package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is the outermost constructor of a type.
type Kind uint8

// The kinds of value that ONNX knows.
const (
	TensorKind Kind = iota
	SequenceKind
	OptionalKind
	MapKind
	SparseKind
	OpaqueKind
)

func (k Kind) String() string {
	return [...]string{"tensor", "sequence", "optional", "map", "sparse", "opaque"}[k]
}

// Dim is one dimension of a static shape: a size, a name, or neither.
type Dim struct {
	Size       int64 // -1 where it is not fixed
	Param      string
	Denotation string
}

// Known reports whether the size is fixed.
func (d Dim) Known() bool { return d.Size >= 0 }

// D returns a fixed dimension.
func D(size int64) Dim { return Dim{Size: size} }

// Sym returns a dimension known by name; the empty name means unknown.
func Sym(name string) Dim { return Dim{Size: -1, Param: name} }

func (d Dim) String() string {
	switch {
	case d.Size >= 0:
		return fmt.Sprint(d.Size)
	case d.Param != "":
		return d.Param
	}
	return "?"
}

// Type is the static type of a value. A nil *Type says that nothing is known.
type Type struct {
	Kind  Kind
	DType DType // tensor and sparse: elements; map: keys
	// Shape is nil where the rank is unknown; an empty non-nil Shape is rank 0.
	Shape      []Dim
	Of         *Type // element of a sequence or optional, value of a map
	Denotation string
	// Domain and Name are those of an opaque type.
	Domain, Name string
}

// TensorType returns the type of a dense tensor; without dims its rank is 0.
func TensorType(d DType, dims ...Dim) *Type {
	return &Type{DType: d, Shape: append([]Dim{}, dims...)}
}

// TypeOf returns the exact type of a value.
func TypeOf(t *Tensor) *Type {
	if t == nil {
		return nil
	}
	if t.Kind != TensorKind {
		return compositeType(t)
	}
	ty := &Type{DType: t.DType, Shape: make([]Dim, len(t.Shape))}
	for i, n := range t.Shape {
		ty.Shape[i] = D(n)
	}
	return ty
}

// compositeType is TypeOf for everything but dense tensors. Elements of a sequence need not have one shape.
func compositeType(t *Tensor) *Type {
	ty := &Type{Kind: t.Kind}
	if t.Kind == MapKind {
		if len(t.Elems) != 2 {
			return ty
		}
		keys, values := t.Elems[0], t.Elems[1]
		ty.DType = keys.DType
		if values.Kind == TensorKind {
			ty.Of = TensorType(values.DType) // a vector of scalars
		} else {
			ty.Of = TypeOf(values).Of
		}
		return ty
	}
	for i, e := range t.Elems {
		if i == 0 {
			ty.Of = TypeOf(e)
		} else {
			ty.Of = CommonType(ty.Of, TypeOf(e))
		}
	}
	return ty
}

// CommonType returns what two types agree on: dimensions that differ are unknown, and so is the shape where the ranks differ. It is nil
// where kinds or element types differ.
func CommonType(a, b *Type) *Type {
	if a == nil || b == nil || a.Kind != b.Kind || a.DType != b.DType {
		return nil
	}
	c := a.Clone()
	c.Of = CommonType(a.Of, b.Of)
	if a.Rank() != b.Rank() {
		c.Shape = nil
		return c
	}
	for i, d := range b.Shape {
		if d != c.Shape[i] {
			c.Shape[i] = Sym("")
		}
	}
	return c
}

// Rank returns the number of dimensions, -1 if unknown.
func (t *Type) Rank() int {
	if t == nil || t.Shape == nil {
		return -1
	}
	return len(t.Shape)
}

// Sizes returns the dimensions as integers, -1 where not fixed; nil if the rank is unknown.
func (t *Type) Sizes() []int64 {
	if t.Rank() < 0 {
		return nil
	}
	s := make([]int64, len(t.Shape))
	for i, d := range t.Shape {
		s[i] = d.Size
	}
	return s
}

// Clone copies t.
func (t *Type) Clone() *Type {
	if t == nil {
		return nil
	}
	c := *t
	c.Shape = slices.Clone(t.Shape)
	c.Of = t.Of.Clone()
	return &c
}

// Equal compares everything.
func (t *Type) Equal(u *Type) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Kind == u.Kind && t.DType == u.DType && (t.Shape == nil) == (u.Shape == nil) && slices.Equal(t.Shape, u.Shape) &&
		t.Of.Equal(u.Of) && t.Denotation == u.Denotation && t.Domain == u.Domain && t.Name == u.Name
}

// String shows a type as float32[N,3,12288] or sequence(int64[?]).
func (t *Type) String() string {
	if t == nil {
		return "?"
	}
	switch t.Kind {
	case SequenceKind, OptionalKind:
		return fmt.Sprintf("%s(%s)", t.Kind, t.Of)
	case MapKind:
		return fmt.Sprintf("map(%s,%s)", t.DType, t.Of)
	case OpaqueKind:
		return fmt.Sprintf("opaque(%s,%s)", t.Domain, t.Name)
	}
	var b strings.Builder
	if t.Kind == SparseKind {
		b.WriteString("sparse ")
	}
	b.WriteString(t.DType.String())
	if t.Shape == nil {
		b.WriteString("[...]")
		return b.String()
	}
	b.WriteByte('[')
	for i, d := range t.Shape {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(d.String())
	}
	b.WriteByte(']')
	return b.String()
}
