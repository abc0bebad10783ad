package graph

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Attrs are the attributes of a node by name. A value is one of
//
//	int64 float32 string *Tensor *Graph *Sparse *Type
//	[]int64 []float32 []string []*Tensor []*Graph []*Sparse []*Type
//	AttrRef (inside a function: an attribute of the function)
//
// [NewNode] also takes int, bool, float64 and []int and converts them. Strings are bytes and need not be UTF-8.
type Attrs map[string]any

// AttrRef stands for the value of an attribute of the enclosing function.
type AttrRef struct {
	Name string
	Kind AttrKind
}

// AttrKind is ONNX's AttributeProto.AttributeType.
type AttrKind int32

// The kinds of attribute, numbered as in the standard.
const (
	UndefinedAttr AttrKind = iota
	FloatAttr
	IntAttr
	StringAttr
	TensorAttr
	GraphAttr
	FloatsAttr
	IntsAttr
	StringsAttr
	TensorsAttr
	GraphsAttr
	SparseAttr
	SparsesAttr
	TypeAttr
	TypesAttr
)

var attrKindNames = [...]string{
	"undefined", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings", "tensors", "graphs", "sparse_tensor",
	"sparse_tensors", "type", "types",
}

func (k AttrKind) String() string {
	if k >= 0 && int(k) < len(attrKindNames) {
		return attrKindNames[k]
	}
	return fmt.Sprintf("attribute kind %d", int32(k))
}

// KindOf returns the kind of an attribute value, UndefinedAttr for a Go type that is none.
func KindOf(v any) AttrKind {
	switch v := v.(type) {
	case float32:
		return FloatAttr
	case int64:
		return IntAttr
	case string:
		return StringAttr
	case *Tensor:
		return TensorAttr
	case *Graph:
		return GraphAttr
	case []float32:
		return FloatsAttr
	case []int64:
		return IntsAttr
	case []string:
		return StringsAttr
	case []*Tensor:
		return TensorsAttr
	case []*Graph:
		return GraphsAttr
	case *Sparse:
		return SparseAttr
	case []*Sparse:
		return SparsesAttr
	case *Type:
		return TypeAttr
	case []*Type:
		return TypesAttr
	case AttrRef:
		return v.Kind
	}
	return UndefinedAttr
}

func normalAttr(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case DType:
		return int64(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case float64:
		return float32(v)
	case []int:
		s := make([]int64, len(v))
		for i, x := range v {
			s[i] = int64(x)
		}
		return s
	}
	return v
}

// Names returns the attribute names in order.
func (a Attrs) Names() []string { return slices.Sorted(maps.Keys(a)) }

func attr[T any](a Attrs, name string, def T) T {
	if v, ok := a[name].(T); ok {
		return v
	}
	return def
}

// Int returns the integer attribute, or def if it is absent or of another kind. The other getters do likewise.
func (a Attrs) Int(name string, def int64) int64 { return attr(a, name, def) }

// Float returns a float attribute.
func (a Attrs) Float(name string, def float32) float32 { return attr(a, name, def) }

// Str returns a string attribute.
func (a Attrs) Str(name, def string) string { return attr(a, name, def) }

// Bool returns an integer attribute as a truth value.
func (a Attrs) Bool(name string, def bool) bool {
	if v, ok := a[name].(int64); ok {
		return v != 0
	}
	return def
}

// Ints returns a list of integers.
func (a Attrs) Ints(name string, def []int64) []int64 { return attr(a, name, def) }

// Floats returns a list of floats.
func (a Attrs) Floats(name string, def []float32) []float32 { return attr(a, name, def) }

// Strs returns a list of strings.
func (a Attrs) Strs(name string, def []string) []string { return attr(a, name, def) }

// Tensor returns a tensor attribute, nil if absent.
func (a Attrs) Tensor(name string) *Tensor { return attr[*Tensor](a, name, nil) }

// Graph returns a subgraph, nil if absent.
func (a Attrs) Graph(name string) *Graph { return attr[*Graph](a, name, nil) }

// Has reports whether the attribute is present.
func (a Attrs) Has(name string) bool { _, ok := a[name]; return ok }

// Subgraphs calls f for each graph among a's values, in order of names, and stops when it returns false.
func (a Attrs) Subgraphs(f func(*Graph) bool) bool {
	for _, name := range a.Names() {
		switch v := a[name].(type) {
		case *Graph:
			if !f(v) {
				return false
			}
		case []*Graph:
			for _, g := range v {
				if !f(g) {
					return false
				}
			}
		}
	}
	return true
}

func sameFloat(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }

// diffAttr compares two attribute values, subgraphs by diffGraph.
func diffAttr(where string, x, y any, d *differ) {
	if KindOf(x) != KindOf(y) {
		d.addf("%s: %s against %s", where, KindOf(x), KindOf(y))
		return
	}
	equal := true
	switch x := x.(type) {
	case float32:
		equal = sameFloat(x, y.(float32))
	case []float32:
		equal = slices.EqualFunc(x, y.([]float32), sameFloat)
	case int64, string, AttrRef:
		equal = x == y
	case []int64:
		equal = slices.Equal(x, y.([]int64))
	case []string:
		equal = slices.Equal(x, y.([]string))
	case *Tensor:
		d.tensor(where, x, y.(*Tensor))
		return
	case []*Tensor:
		equal = diffEach(where, x, y.([]*Tensor), d.tensor)
	case *Sparse:
		d.sparse(where, x, y.(*Sparse))
		return
	case []*Sparse:
		equal = diffEach(where, x, y.([]*Sparse), d.sparse)
	case *Type:
		equal = x.Equal(y.(*Type))
	case []*Type:
		equal = slices.EqualFunc(x, y.([]*Type), (*Type).Equal)
	case *Graph:
		d.graph(where, x, y.(*Graph))
		return
	case []*Graph:
		equal = diffEach(where, x, y.([]*Graph), d.graph)
	}
	if !equal {
		d.addf("%s: %s against %s", where, attrText(x), attrText(y))
	}
}

// diffEach compares lists of one length element by element; it returns false if the lengths differ.
func diffEach[T any](where string, x, y []T, diff func(where string, x, y T)) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		diff(fmt.Sprintf("%s[%d]", where, i), x[i], y[i])
	}
	return true
}
