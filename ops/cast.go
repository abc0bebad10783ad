package ops

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

// Cast converts element types. Floats become integers by truncation, strings are parsed and printed; eight-bit floats saturate
// unless saturate is 0.
// https://onnx.ai/onnx/operators/onnx__Cast.html
var _ = define(Op{
	Name: "Cast", Since: 6,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t != nil {
			t.DType = graph.DType(c.Node.Attrs.Int("to", 0))
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		y, err := castTo(c.In[0], graph.DType(c.Node.Attrs.Int("to", 0)), rounding(c.Node))
		return []*graph.Tensor{y}, err
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		if n.In[0].Type != nil && !n.In[0].Type.DType.IsFloat() {
			return []*graph.Value{nil}
		}
		return []*graph.Value{b.Op("CastLike", nil, dy[0], n.In[0])}
	},
	Cases: `
		truncate to=7  [4] 1.9 -1.9 0 3  ->  i64[4] 1 -1 0 3
		truth    to=9  [3] 0 0.5 -2  ->  bool[3] 0 1 1
		wide     to=11  [2] 1.5 -2  ->  f64[2] 1.5 -2
		parse    to=1  str[2] "1.5" "-2"  ->  [2] 1.5 -2`,
})

// castRule is how small floats are rounded into.
type castRule struct {
	saturate bool
	mode     string // of float8e8m0: up, down or nearest
}

func rounding(n *graph.Node) castRule {
	return castRule{n.Attrs.Bool("saturate", true), n.Attrs.Str("round_mode", "up")}
}

// castTensor converts t to element type d, saturating small floats.
func castTensor(t *graph.Tensor, d graph.DType) (*graph.Tensor, error) {
	return castTo(t, d, castRule{true, "up"})
}

func castTo(t *graph.Tensor, d graph.DType, rule castRule) (*graph.Tensor, error) {
	if t.DType == d {
		return t, nil
	}
	if !d.Valid() || !t.DType.Valid() {
		return nil, fmt.Errorf("cast of %s to %s", t.DType, d)
	}
	y := graph.NewTensor(d, t.Shape...)
	n := int(t.Len())
	switch {
	case t.DType == graph.String:
		return y, parseStrings(y, t.Strings, rule)
	case d == graph.String:
		for i := range n {
			y.Strings[i] = elementText(t, i)
		}
	case t.DType.IsFloat():
		get, err := floatReader(t)
		if err != nil {
			return nil, err
		}
		return y, storeFloats(y, n, get, rule)
	case t.DType == graph.Uint64 && d.IsFloat():
		x := graph.Data[uint64](t)
		return y, storeFloats(y, n, func(i int) float64 { return float64(x[i]) }, rule)
	default:
		get, err := intReader(t)
		if err != nil {
			return nil, err
		}
		if d.IsFloat() {
			return y, storeFloats(y, n, func(i int) float64 { return float64(get(i)) }, rule)
		}
		return y, storeInts(y, n, get)
	}
	return y, nil
}

// floatReader reads any real floating type as float64, exactly.
func floatReader(t *graph.Tensor) (func(i int) float64, error) {
	switch t.DType {
	case graph.Float32:
		x := graph.Data[float32](t)
		return func(i int) float64 { return float64(x[i]) }, nil
	case graph.Float64:
		x := graph.Data[float64](t)
		return func(i int) float64 { return x[i] }, nil
	case graph.Float16:
		x := graph.Data[float16.Float16](t)
		return func(i int) float64 { return float64(x[i].Float32()) }, nil
	case graph.BFloat16:
		x := graph.Data[graph.BF16](t)
		return func(i int) float64 { return float64(x[i].Float32()) }, nil
	case graph.Float8E8M0:
		return func(i int) float64 { return decodeE8M0(t.Raw[i]) }, nil
	case graph.Float4E2M1:
		return func(i int) float64 { return float4Format.decode(packed(t.Raw, i, 4)) }, nil
	}
	if f, ok := float8Formats[t.DType]; ok {
		return func(i int) float64 { return f.decode(t.Raw[i]) }, nil
	}
	return nil, fmt.Errorf("%s is no floating type", t.DType)
}

// intReader reads any integer type or bool as int64; uint64 keeps its bits.
func intReader(t *graph.Tensor) (func(i int) int64, error) {
	switch t.DType {
	case graph.Int8:
		return intsOf[int8](t), nil
	case graph.Int16:
		return intsOf[int16](t), nil
	case graph.Int32:
		return intsOf[int32](t), nil
	case graph.Int64:
		return intsOf[int64](t), nil
	case graph.Uint8, graph.Bool:
		return func(i int) int64 { return int64(t.Raw[i]) }, nil
	case graph.Uint16:
		return intsOf[uint16](t), nil
	case graph.Uint32:
		return intsOf[uint32](t), nil
	case graph.Uint64:
		return intsOf[uint64](t), nil
	case graph.Uint4, graph.Uint2:
		bits := t.DType.Bits()
		return func(i int) int64 { return int64(packed(t.Raw, i, bits)) }, nil
	case graph.Int4, graph.Int2:
		bits := t.DType.Bits()
		return func(i int) int64 { return int64(int8(packed(t.Raw, i, bits)<<(8-bits)) >> (8 - bits)) }, nil
	}
	return nil, fmt.Errorf("%s is no integer type", t.DType)
}

func intsOf[T Real](t *graph.Tensor) func(i int) int64 {
	x := graph.Data[T](t)
	return func(i int) int64 { return int64(x[i]) }
}

func packed(raw []byte, i, bits int) byte {
	per := 8 / bits
	return raw[i/per] >> (i % per * bits) & (1<<bits - 1)
}

func setPacked(raw []byte, i, bits int, v byte) {
	per := 8 / bits
	raw[i/per] |= v & (1<<bits - 1) << (i % per * bits)
}

// storeFloats writes n reals into y, which is zero, in y's type.
func storeFloats(y *graph.Tensor, n int, get func(i int) float64, rule castRule) error {
	switch y.DType {
	case graph.Float32:
		fill(graph.Data[float32](y), func(i int) float32 { return float32(get(i)) })
	case graph.Float64:
		fill(graph.Data[float64](y), get)
	case graph.Float16:
		fill(graph.Data[float16.Float16](y), func(i int) float16.Float16 { return float16.Fromfloat32(float32(get(i))) })
	case graph.BFloat16:
		fill(graph.Data[graph.BF16](y), func(i int) graph.BF16 { return graph.ToBF16(float32(get(i))) })
	case graph.Bool:
		fill(graph.Data[bool](y), func(i int) bool { return get(i) != 0 })
	case graph.Complex64:
		fill(graph.Data[complex64](y), func(i int) complex64 { return complex(float32(get(i)), 0) })
	case graph.Complex128:
		fill(graph.Data[complex128](y), func(i int) complex128 { return complex(get(i), 0) })
	case graph.Uint64:
		fill(graph.Data[uint64](y), func(i int) uint64 { return truncateUnsigned(get(i)) })
	case graph.Float8E8M0:
		fill(y.Raw, func(i int) byte { return encodeE8M0(get(i), rule) })
	case graph.Float4E2M1:
		for i := range n {
			setPacked(y.Raw, i, 4, float4Format.encode(get(i), true))
		}
	default:
		if f, ok := float8Formats[y.DType]; ok {
			fill(y.Raw, func(i int) byte { return f.encode(get(i), rule.saturate) })
			return nil
		}
		return storeInts(y, n, func(i int) int64 { return truncate(get(i)) })
	}
	return nil
}

func fill[T any](y []T, get func(i int) T) {
	for i := range y {
		y[i] = get(i)
	}
}

// truncate is the conversion of x86-64: out of range and NaN give the smallest integer.
func truncate(x float64) int64 {
	if x >= math.MinInt64 && x < math.MaxInt64 {
		return int64(x)
	}
	return math.MinInt64
}

func truncateUnsigned(x float64) uint64 {
	if x >= math.MaxInt64 && x < math.MaxUint64 {
		return uint64(x)
	}
	return uint64(truncate(x))
}

// storeInts writes integers modulo y's width, or as truth values.
func storeInts(y *graph.Tensor, n int, get func(i int) int64) error {
	switch y.DType {
	case graph.Int8:
		fill(graph.Data[int8](y), func(i int) int8 { return int8(get(i)) })
	case graph.Int16:
		fill(graph.Data[int16](y), func(i int) int16 { return int16(get(i)) })
	case graph.Int32:
		fill(graph.Data[int32](y), func(i int) int32 { return int32(get(i)) })
	case graph.Int64:
		fill(graph.Data[int64](y), get)
	case graph.Uint8:
		fill(graph.Data[uint8](y), func(i int) uint8 { return uint8(get(i)) })
	case graph.Uint16:
		fill(graph.Data[uint16](y), func(i int) uint16 { return uint16(get(i)) })
	case graph.Uint32:
		fill(graph.Data[uint32](y), func(i int) uint32 { return uint32(get(i)) })
	case graph.Uint64:
		fill(graph.Data[uint64](y), func(i int) uint64 { return uint64(get(i)) })
	case graph.Bool:
		fill(graph.Data[bool](y), func(i int) bool { return get(i) != 0 })
	case graph.Int4, graph.Uint4, graph.Int2, graph.Uint2:
		for i := range n {
			setPacked(y.Raw, i, y.DType.Bits(), byte(get(i)))
		}
	case graph.Complex64, graph.Complex128:
		return storeFloats(y, n, func(i int) float64 { return float64(get(i)) }, castRule{})
	default:
		return fmt.Errorf("cast to %s", y.DType)
	}
	return nil
}

func parseStrings(y *graph.Tensor, words []string, rule castRule) error {
	if y.DType.IsFloat() {
		values := make([]float64, len(words))
		for i, w := range words {
			v, err := strconv.ParseFloat(strings.TrimSpace(w), 64)
			if err != nil {
				return fmt.Errorf("cast of %q to %s", w, y.DType)
			}
			values[i] = v
		}
		return storeFloats(y, len(words), func(i int) float64 { return values[i] }, rule)
	}
	values := make([]int64, len(words))
	for i, w := range words {
		v, err := strconv.ParseInt(strings.TrimSpace(w), 10, 64)
		if err != nil {
			f, ferr := strconv.ParseFloat(strings.TrimSpace(w), 64)
			if ferr != nil {
				return fmt.Errorf("cast of %q to %s", w, y.DType)
			}
			v = truncate(f)
		}
		values[i] = v
	}
	return storeInts(y, len(words), func(i int) int64 { return values[i] })
}

// elementText prints element i as NumPy does.
func elementText(t *graph.Tensor, i int) string {
	switch {
	case t.DType == graph.Bool:
		if t.Raw[i] != 0 {
			return "True"
		}
		return "False"
	case t.DType == graph.Uint64:
		return strconv.FormatUint(graph.Data[uint64](t)[i], 10)
	case t.DType.IsFloat():
		get, _ := floatReader(t)
		bits := 32
		if t.DType == graph.Float64 {
			bits = 64
		}
		return floatText(get(i), bits)
	}
	get, err := intReader(t)
	if err != nil {
		return fmt.Sprint(t.DType)
	}
	return strconv.FormatInt(get(i), 10)
}

func floatText(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "INF"
	case math.IsInf(x, -1):
		return "-INF"
	}
	s := strconv.FormatFloat(x, 'g', -1, bits)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
