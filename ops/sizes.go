package ops

import "github.com/astronnx/astronnx/graph"

// sizes are integers in the nodes of a gradient: known when the graph is written, or else when it runs.
type sizes struct {
	known []int64
	value *graph.Value // where known is nil
}

// spatialSizes are the sizes of v's axes from 2 on.
func spatialSizes(b *Builder, v *graph.Value) sizes {
	s := v.Type.Sizes()
	if len(s) < 2 {
		return sizes{value: b.Op("Shape", graph.Attrs{"start": 2}, v)}
	}
	for _, d := range s[2:] {
		if d < 0 {
			return sizes{value: b.Op("Shape", graph.Attrs{"start": 2}, v)}
		}
	}
	return sizes{known: s[2:]}
}

// in is s as a value.
func (s sizes) in(b *Builder) *graph.Value {
	if s.known != nil {
		return b.Ints(s.known...)
	}
	return s.value
}

// combine applies one of Add, Sub, Mul, Div and Max element by element. Div is of integers, neither negative.
func (s sizes) combine(b *Builder, op string, t sizes) sizes {
	if s.known == nil || t.known == nil {
		return sizes{value: b.Op(op, nil, s.in(b), t.in(b))}
	}
	r := make([]int64, len(s.known))
	for i, x := range s.known {
		switch y := t.known[i]; op {
		case "Add":
			r[i] = x + y
		case "Sub":
			r[i] = x - y
		case "Mul":
			r[i] = x * y
		case "Div":
			r[i] = x / y
		case "Max":
			r[i] = max(x, y)
		}
	}
	return sizes{known: r}
}

// each is the constant x along n axes.
func each(n int, x int64) sizes {
	s := make([]int64, n)
	for i := range s {
		s[i] = x
	}
	return sizes{known: s}
}

// all reports whether s is known and every element satisfies f.
func (s sizes) all(f func(int64) bool) bool {
	for _, x := range s.known {
		if !f(x) {
			return false
		}
	}
	return s.known != nil
}

// padSpatial adds zeros before and after the spatial axes of v, or takes elements away where a pad is negative.
func padSpatial(b *Builder, v *graph.Value, before, after sizes) *graph.Value {
	none := func(x int64) bool { return x == 0 }
	if before.all(none) && after.all(none) {
		return v
	}
	if before.known != nil && after.known != nil {
		pads := append([]int64{0, 0}, before.known...)
		return b.Op("Pad", nil, v, b.Ints(append(append(pads, 0, 0), after.known...)...))
	}
	zeros := b.Ints(0, 0)
	return b.Op("Pad", nil, v, b.Op("Concat", graph.Attrs{"axis": 0}, zeros, before.in(b), zeros, after.in(b)))
}
