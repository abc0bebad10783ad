package graph_test

import (
	"math"
	"strings"
	"testing"

	"github.com/x448/float16"
	"pgregory.net/rapid"

	"github.com/astronnx/astronnx/graph"
)

func TestNumElementsAndByteSize(t *testing.T) {
	for _, c := range []struct {
		dims []int64
		n    int64
		ok   bool
	}{
		{nil, 1, true}, {[]int64{2, 3}, 6, true}, {[]int64{0, -1}, 0, false}, {[]int64{-1}, 0, false},
		{[]int64{1 << 32, 1 << 31}, 0, false}, {[]int64{1<<32 + 1, 1<<32 + 1}, 0, false}, {[]int64{1 << 62}, 1 << 62, true},
		{[]int64{1 << 40, 1 << 40, 0}, 0, false},
	} {
		if n, ok := graph.NumElements(c.dims); n != c.n || ok != c.ok {
			t.Errorf("NumElements(%v) = %d %v, want %d %v", c.dims, n, ok, c.n, c.ok)
		}
	}
	for _, c := range []struct {
		d       graph.DType
		n, size int64
		ok      bool
	}{
		{graph.Float32, 3, 12, true}, {graph.Int4, 3, 2, true}, {graph.Int2, 5, 2, true}, {graph.Uint2, 4, 1, true}, {graph.Bool, 7, 7, true},
		{graph.Complex128, 2, 32, true}, {graph.Float64, 1 << 60, 0, false}, {graph.Float32, -1, 0, false}, {graph.Int8, math.MaxInt64, 0, false},
	} {
		if size, ok := graph.ByteSize(c.d, c.n); size != c.size || ok != c.ok {
			t.Errorf("ByteSize(%s, %d) = %d %v, want %d %v", c.d, c.n, size, ok, c.size, c.ok)
		}
	}
}

func roundTrip[T graph.Element](t *testing.T, x ...T) {
	t.Helper()
	v := graph.FromSlice(x, int64(len(x)), 1)
	if got := graph.Data[T](v); len(got) != len(x) || &got[0] != &x[0] {
		t.Errorf("%s: Data does not view the slice", v)
	}
	if v.DType != graph.DTypeOf[T]() || v.Check() != nil || v.Len() != int64(len(x)) {
		t.Errorf("%s: type %s, %v", v, v.DType, v.Check())
	}
	c := v.Clone()
	if !v.Equal(c) || &c.Raw[0] == &v.Raw[0] {
		t.Errorf("%s: a clone differs or shares memory", v)
	}
	c.Raw[len(c.Raw)-1] ^= 1
	if v.Equal(c) {
		t.Errorf("%s: a changed bit goes unnoticed", v)
	}
}

func TestEveryElementType(t *testing.T) {
	roundTrip[float32](t, 1, 2)
	roundTrip[float64](t, 1, 2)
	roundTrip(t, float16.Fromfloat32(1), float16.Fromfloat32(-2))
	roundTrip(t, graph.ToBF16(1))
	roundTrip[int8](t, -1)
	roundTrip[int16](t, -1)
	roundTrip[int32](t, -1)
	roundTrip[int64](t, -1)
	roundTrip[uint8](t, 1)
	roundTrip[uint16](t, 1)
	roundTrip[uint32](t, 1)
	roundTrip[uint64](t, 1)
	roundTrip(t, true, false)
	roundTrip[complex64](t, 1i)
	roundTrip[complex128](t, 1i)
}

func TestDTypeNames(t *testing.T) {
	for d := graph.Float32; d <= graph.Int2; d++ {
		back, err := graph.ParseDType(d.String())
		if err != nil || back != d || !d.Valid() {
			t.Errorf("%d is %q, which parses as %d (%v)", d, d, back, err)
		}
		number := !strings.Contains(d.String(), "complex") && d != graph.String && d != graph.Bool
		if d.IsFloat() == strings.Contains(d.String(), "int") && number || number != (d.IsFloat() != d.IsInt()) {
			t.Errorf("%s is a float %v, an integer %v", d, d.IsFloat(), d.IsInt())
		}
		if (d.Bits() == 0) != (d == graph.String) {
			t.Errorf("%s has %d bits", d, d.Bits())
		}
	}
	for _, s := range []string{"", "undefined", "float"} {
		if _, err := graph.ParseDType(s); err == nil {
			t.Errorf("%q parses", s)
		}
	}
	if d := graph.DType(99); d.Valid() || d.Bits() != 0 || d.String() != "dtype(99)" {
		t.Errorf("%s is valid", d)
	}
}

// TestBF16 compares with rounding done in float64.
func TestBF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
		y := graph.ToBF16(x).Float32()
		if x != x {
			if y == y {
				t.Fatalf("NaN became %v", y)
			}
			return
		}
		if math.IsInf(float64(x), 0) {
			if y != x {
				t.Fatalf("%v became %v", x, y)
			}
			return
		}
		// Half the distance of neighbours that have eight significant bits.
		_, exp := math.Frexp(float64(x))
		half := math.Ldexp(1, max(exp, -125)-9)
		if math.Abs(float64(y)-float64(x)) > half && !math.IsInf(float64(y), 0) {
			t.Fatalf("%v became %v, more than %v away", x, y, half)
		}
		if graph.ToBF16(y).Float32() != y {
			t.Fatalf("%v is not exact", y)
		}
	})
	for _, c := range []struct{ x, want float32 }{{1 + 1.0/256, 1}, {1 + 3.0/256, 1 + 4.0/256}, {math.MaxFloat32, float32(math.Inf(1))}} {
		if got := graph.ToBF16(c.x).Float32(); got != c.want {
			t.Errorf("%v became %v, want %v: ties go to even", c.x, got, c.want)
		}
	}
}

func TestCheckFindsWhatDisagrees(t *testing.T) {
	shape := func(n ...int64) []int64 { return n }
	for _, c := range []struct {
		name string
		t    graph.Tensor
		text string // empty: sound
	}{
		{"sound", graph.Tensor{DType: graph.Int4, Shape: shape(3), Raw: make([]byte, 2)}, ""},
		{"no type", graph.Tensor{Shape: shape(0)}, "element type"},
		{"short", graph.Tensor{DType: graph.Float32, Shape: shape(2), Raw: make([]byte, 7)}, "7 bytes"},
		{"negative", graph.Tensor{DType: graph.Float32, Shape: shape(-1)}, "negative"},
		{"overflow", graph.Tensor{DType: graph.Float32, Shape: shape(1<<40, 1<<40)}, "overflows"},
		{"not aligned", graph.Tensor{DType: graph.Float32, Shape: shape(1), Raw: graph.AlignedBytes(8)[1:5]}, "not aligned"},
		{"strings", graph.Tensor{DType: graph.String, Shape: shape(2), Strings: []string{""}}, "1 strings"},
		{"unread", graph.Tensor{DType: graph.Float32, Shape: shape(2), External: &graph.External{}}, ""},
		{"read", graph.Tensor{DType: graph.Float32, Shape: shape(2), External: &graph.External{}, Raw: []byte{}}, "0 bytes"},
		{"nil element", graph.Tensor{Kind: graph.SequenceKind, Elems: []*graph.Tensor{nil}}, "is nil"},
		{"bad element", graph.Tensor{Kind: graph.OptionalKind, Elems: []*graph.Tensor{{}}}, "element 0"},
	} {
		err := c.t.Check()
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.text)
		}
	}
}

func TestCallersBugsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"NewTensor of a negative shape": func() { graph.NewTensor(graph.Float32, -1) },
		"NewTensor that overflows":      func() { graph.NewTensor(graph.Float64, 1<<61) },
		"NewTensor without a type":      func() { graph.NewTensor(graph.Undefined) },
		"FromSlice of another length":   func() { graph.FromSlice([]int8{1}, 2) },
		"FromStrings of another length": func() { graph.FromStrings(nil, 1) },
		"Data of another type":          func() { graph.Data[int32](graph.Scalar[float32](1)) },
		"Data of part of an element":    func() { graph.Data[int32](&graph.Tensor{DType: graph.Int32, Raw: make([]byte, 3)}) },
		"Data that is not aligned":      func() { graph.Data[int64](&graph.Tensor{DType: graph.Int64, Raw: graph.AlignedBytes(12)[4:]}) },
		"an attribute of no kind":       func() { graph.NewNode("", "A", graph.Attrs{"a": struct{}{}}, nil, nil) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil {
					t.Errorf("%s: no panic", name)
				} else if s, ok := r.(string); !ok || !strings.HasPrefix(s, "graph: ") {
					t.Errorf("%s: panic with %v", name, r)
				}
			}()
			f()
		}()
	}
}

func TestCompositesCloneAndCompare(t *testing.T) {
	a := graph.Sequence(graph.Scalar[int64](1), graph.FromStrings([]string{"x"}, 1))
	b := a.Clone()
	if !a.Equal(b) || graph.Optional(a).Equal(graph.Optional(nil)) || (*graph.Tensor)(nil).Clone() != nil {
		t.Error("clones differ, or an absent value equals a present one")
	}
	b.Elems[1].Strings[0] = "y"
	if a.Equal(b) || a.Elems[1].Strings[0] != "x" {
		t.Error("a clone shares strings, or a change goes unnoticed")
	}
	for _, c := range []struct {
		t    *graph.Tensor
		want string
	}{
		{nil, "none"}, {a, "sequence of 2"}, {graph.NewTensor(graph.Bool, 2, 0), "bool[2 0]"}, {graph.Optional(nil), "optional of 0"},
		{graph.NewTensor(graph.String), "string[]"},
	} {
		if got := c.t.String(); got != c.want {
			t.Errorf("got %s want %s", got, c.want)
		}
	}
}

func TestSparseCheck(t *testing.T) {
	vec := func(x ...int64) *graph.Tensor { return graph.Vector(x...) }
	coords := func(x ...int64) *graph.Tensor { return graph.FromSlice(x, int64(len(x)/2), 2) }
	values := graph.Vector[float32](1, 2)
	for _, c := range []struct {
		name string
		s    *graph.Sparse
		text string
	}{
		{"linear", &graph.Sparse{Values: values, Indices: vec(0, 5), Shape: []int64{2, 3}}, ""},
		{"coordinates", &graph.Sparse{Values: values, Indices: coords(0, 2, 1, 0), Shape: []int64{2, 3}}, ""},
		{"empty", &graph.Sparse{Values: graph.NewTensor(graph.Int8, 0), Indices: vec(), Shape: []int64{0}}, ""},
		{"nil", nil, "lacks"},
		{"no indices", &graph.Sparse{Values: values, Shape: []int64{6}}, "lacks"},
		{"outside", &graph.Sparse{Values: values, Indices: vec(0, 6), Shape: []int64{6}}, "outside"},
		{"twice", &graph.Sparse{Values: values, Indices: vec(3, 3), Shape: []int64{6}}, "ascending"},
		{"coordinate outside", &graph.Sparse{Values: values, Indices: coords(0, 3, 1, 0), Shape: []int64{2, 3}}, "outside"},
		{"coordinates not ascending", &graph.Sparse{Values: values, Indices: coords(1, 0, 0, 2), Shape: []int64{2, 3}}, "ascending"},
		{"counts", &graph.Sparse{Values: values, Indices: vec(0), Shape: []int64{6}}, "want int64[2]"},
		{"matrix of values", &graph.Sparse{Values: graph.NewTensor(graph.Int8, 1, 2), Indices: vec(0), Shape: []int64{6}}, "vector"},
		{"index type", &graph.Sparse{Values: values, Indices: graph.Vector[int32](0, 1), Shape: []int64{6}}, "int64"},
		{"shape", &graph.Sparse{Values: values, Indices: vec(0, 1), Shape: []int64{-6}}, "negative"},
		{"broken values", &graph.Sparse{Values: &graph.Tensor{}, Indices: vec(0, 1), Shape: []int64{6}}, "element type"},
	} {
		err := c.s.Check()
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.text)
		}
	}
}
