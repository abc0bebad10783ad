package graph

import (
	"fmt"
	"strings"

	"github.com/x448/float16"
)

// attrText shows an attribute value for the printer and for differences, long ones cut short.
func attrText(v any) string {
	switch v := v.(type) {
	case string:
		return quoted(v)
	case *Tensor:
		return tensorText(v)
	case *Sparse:
		return sparseText(v)
	case *Graph:
		return "graph"
	case AttrRef:
		return "@" + v.Name
	case []int64:
		return listText(v, func(x int64) string { return fmt.Sprint(x) })
	case []float32:
		return listText(v, func(x float32) string { return fmt.Sprint(x) })
	case []string:
		return listText(v, quoted)
	case []*Tensor:
		return listText(v, tensorText)
	case []*Sparse:
		return listText(v, sparseText)
	case []*Graph:
		return listText(v, func(*Graph) string { return "graph" })
	}
	return fmt.Sprint(v)
}

func quoted(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%q…(%d bytes)", s[:60], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// listText shows the first elements of a list.
func listText[T any](x []T, text func(T) string) string {
	const shown = 8
	items := make([]string, min(len(x), shown))
	for i := range items {
		items[i] = text(x[i])
	}
	if len(x) > shown {
		items = append(items, fmt.Sprintf("… %d in all", len(x)))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func sparseText(s *Sparse) string {
	if s == nil || s.Values == nil {
		return "none"
	}
	return fmt.Sprintf("sparse %s%v of %d", s.Values.DType, s.Shape, s.Values.Len())
}

// tensorText shows type and shape, and the first elements where they are in memory and a number of Go.
func tensorText(t *Tensor) string {
	s := t.String()
	if t == nil || t.Kind != TensorKind || t.Check() != nil {
		return s
	}
	if t.External != nil {
		s += fmt.Sprintf(" in %q", t.External.Location)
	}
	if !t.Loaded() {
		return s
	}
	switch t.DType {
	case Float32:
		return s + numbers[float32](t)
	case Float64:
		return s + numbers[float64](t)
	case Float16:
		return s + " " + listText(Data[float16.Float16](t), float16.Float16.String)
	case BFloat16:
		return s + " " + listText(Data[BF16](t), func(x BF16) string { return fmt.Sprint(x.Float32()) })
	case Int8:
		return s + numbers[int8](t)
	case Int16:
		return s + numbers[int16](t)
	case Int32:
		return s + numbers[int32](t)
	case Int64:
		return s + numbers[int64](t)
	case Uint8:
		return s + numbers[uint8](t)
	case Uint16:
		return s + numbers[uint16](t)
	case Uint32:
		return s + numbers[uint32](t)
	case Uint64:
		return s + numbers[uint64](t)
	case Bool:
		return s + numbers[bool](t)
	case Complex64:
		return s + numbers[complex64](t)
	case Complex128:
		return s + numbers[complex128](t)
	case String:
		return s + " " + listText(t.Strings, quoted)
	}
	return s
}

func numbers[T Element](t *Tensor) string {
	return " " + listText(Data[T](t), func(x T) string { return fmt.Sprint(x) })
}
