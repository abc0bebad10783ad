package ops

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
)

// Real is a Go type with ordered arithmetic that stores tensor elements.
type Real interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// BroadcastShape returns the shape to which all shapes broadcast by ONNX's (NumPy's) rule.
func BroadcastShape(shapes ...[]int64) ([]int64, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int64, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[rank-len(s)+i]
			if *o == 1 {
				*o = d
			} else if d != 1 && d != *o {
				return nil, fmt.Errorf("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out, nil
}

// Strides returns the row-major strides of a shape, in elements.
func Strides(shape []int64) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= int(shape[i])
	}
	return s
}

// broadcastStrides returns strides that read a tensor of the given shape as if it had the shape out.
func broadcastStrides(shape, out []int64) []int {
	s := make([]int, len(out))
	own := Strides(shape)
	for i, d := range shape {
		if d != 1 {
			s[len(out)-len(shape)+i] = own[i]
		}
	}
	return s
}

// eachRow walks an output of the given shape along its last axis: f gets the output offset, the offset of each operand and the
// operands' steps within the row of n elements. Trailing axes over which all operands are contiguous are joined first.
func eachRow(shape []int64, strides [][]int, f func(out int, at []int, steps []int, n int)) {
	total, _ := graph.NumElements(shape)
	if total == 0 {
		return
	}
	dims := slices.Clone(shape)
	if len(dims) == 0 {
		dims = []int64{1}
		strides = make([][]int, len(strides))
		for k := range strides {
			strides[k] = []int{0}
		}
	}
	last := len(dims) - 1
	n := int(dims[last])
	steps := make([]int, len(strides))
	for k, s := range strides {
		steps[k] = s[last]
	}
	for last > 0 && joinable(strides, steps, last, n) {
		last--
		n *= int(dims[last])
	}
	at := make([]int, len(strides))
	index := make([]int64, last)
	for out := 0; out < int(total); out += n {
		f(out, at, steps, n)
		for axis := last - 1; axis >= 0; axis-- {
			index[axis]++
			for k, s := range strides {
				at[k] += s[axis]
			}
			if index[axis] < dims[axis] {
				break
			}
			for k, s := range strides {
				at[k] -= s[axis] * int(dims[axis])
			}
			index[axis] = 0
		}
	}
}

func joinable(strides [][]int, steps []int, last, n int) bool {
	for k, s := range strides {
		if s[last-1] != steps[k]*n {
			return false
		}
	}
	return true
}

// widened evaluates an operator in float32 where its inputs are stored as float16 or bfloat16, and stores the float32 results back.
func widened(eval func(*Call) ([]*graph.Tensor, error)) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) {
		var storage graph.DType
		in := c.In
		for i, t := range c.In {
			if t != nil && t.Kind == graph.TensorKind && (t.DType == graph.Float16 || t.DType == graph.BFloat16) {
				if storage == 0 {
					storage = t.DType
					in = slices.Clone(c.In)
				}
				in[i] = ToFloat32(t)
			}
		}
		if storage == 0 {
			return eval(c)
		}
		wide := *c
		wide.In = in
		out, err := eval(&wide)
		if err != nil {
			return nil, err
		}
		for i, t := range out {
			if t != nil && t.Kind == graph.TensorKind && t.DType == graph.Float32 {
				out[i] = fromFloat32(t, storage)
			}
		}
		return out, nil
	}
}

// ToFloat32 widens a float16 or bfloat16 tensor.
func ToFloat32(t *graph.Tensor) *graph.Tensor {
	w := graph.NewTensor(graph.Float32, t.Shape...)
	y := graph.Data[float32](w)
	switch t.DType {
	case graph.Float16:
		for i, x := range graph.Data[float16.Float16](t) {
			y[i] = x.Float32()
		}
	case graph.BFloat16:
		for i, x := range graph.Data[graph.BF16](t) {
			y[i] = x.Float32()
		}
	default:
		panic(fmt.Sprintf("ops: %s is not stored in 16 bits", t.DType))
	}
	return w
}

func fromFloat32(t *graph.Tensor, d graph.DType) *graph.Tensor {
	n := graph.NewTensor(d, t.Shape...)
	x := graph.Data[float32](t)
	if d == graph.Float16 {
		y := graph.Data[float16.Float16](n)
		for i := range y {
			y[i] = float16.Fromfloat32(x[i])
		}
	} else {
		y := graph.Data[graph.BF16](n)
		for i := range y {
			y[i] = graph.ToBF16(x[i])
		}
	}
	return n
}

// unsupported is the error of an element type that an operator does not take.
func unsupported(c *Call, d graph.DType) error {
	return fmt.Errorf("%s does not take %s", c.Node.OpName(), d)
}

// eachFloat applies f to every element of a floating tensor; float32 is computed in float64 and rounded.
func eachFloat(f func(float64) float64) func(*Call) ([]*graph.Tensor, error) {
	return eachReal(f, nil)
}

// eachFloatBy is eachFloat of a function that depends on the node's attributes.
func eachFloatBy(f func(n *graph.Node) func(float64) float64) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) { return eachFloat(f(c.Node))(c) }
}

// eachReal is eachFloat that also maps signed integers by g.
func eachReal(f func(float64) float64, g func(int64) int64) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		y := c.Output(x.DType, x.Shape...)
		switch x.DType {
		case graph.Float32:
			mapFloat[float32](y, x, f)
		case graph.Float64:
			mapFloat[float64](y, x, f)
		default:
			if g == nil || !mapInt(y, x, g) {
				return nil, unsupported(c, x.DType)
			}
		}
		return []*graph.Tensor{y}, nil
	})
}

func mapFloat[T float32 | float64](y, x *graph.Tensor, f func(float64) float64) {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	for i, v := range xs {
		ys[i] = T(f(float64(v)))
	}
}

func mapInt(y, x *graph.Tensor, g func(int64) int64) bool {
	switch x.DType {
	case graph.Int8:
		mapIntAs[int8](y, x, g)
	case graph.Int16:
		mapIntAs[int16](y, x, g)
	case graph.Int32:
		mapIntAs[int32](y, x, g)
	case graph.Int64:
		mapIntAs[int64](y, x, g)
	case graph.Uint8:
		mapIntAs[uint8](y, x, g)
	case graph.Uint16:
		mapIntAs[uint16](y, x, g)
	case graph.Uint32:
		mapIntAs[uint32](y, x, g)
	case graph.Uint64:
		mapIntAs[uint64](y, x, g)
	default:
		return false
	}
	return true
}

func mapIntAs[T Real](y, x *graph.Tensor, g func(int64) int64) {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	for i, v := range xs {
		ys[i] = T(g(int64(v)))
	}
}

// pairs is an elementwise operator of two broadcast operands. Float serves float32 (computed in float64 and rounded, which is the
// correctly rounded result of the four operations) and float64, Int signed integers, Uint unsigned ones; nil: not taken.
type pairs struct {
	Float func(a, b float64) float64
	Int   func(a, b int64) int64
	Uint  func(a, b uint64) uint64
}

// eval folds the operands from the left, so that it also serves the variadic operators.
func (p pairs) eval() func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		acc := c.In[0]
		if len(c.In) == 1 {
			return []*graph.Tensor{acc.Clone()}, nil
		}
		for _, b := range c.In[1:] {
			y, err := p.apply(c, acc, b)
			if err != nil {
				return nil, err
			}
			acc = y
		}
		return []*graph.Tensor{acc}, nil
	})
}

func (p pairs) apply(c *Call, a, b *graph.Tensor) (*graph.Tensor, error) {
	if a.DType != b.DType {
		return nil, fmt.Errorf("operands are %s and %s", a.DType, b.DType)
	}
	shape, err := BroadcastShape(a.Shape, b.Shape)
	if err != nil {
		return nil, err
	}
	y := c.Output(a.DType, shape...)
	ok := false
	switch a.DType {
	case graph.Float32:
		ok = zip(y, a, b, p.Float)
	case graph.Float64:
		ok = zip64(y, a, b, p.Float)
	case graph.Int8:
		ok = zipAs[int8](y, a, b, p.Int)
	case graph.Int16:
		ok = zipAs[int16](y, a, b, p.Int)
	case graph.Int32:
		ok = zipAs[int32](y, a, b, p.Int)
	case graph.Int64:
		ok = zipAs[int64](y, a, b, p.Int)
	case graph.Uint8:
		ok = zipAs[uint8](y, a, b, p.Uint)
	case graph.Uint16:
		ok = zipAs[uint16](y, a, b, p.Uint)
	case graph.Uint32:
		ok = zipAs[uint32](y, a, b, p.Uint)
	case graph.Uint64:
		ok = zipAs[uint64](y, a, b, p.Uint)
	}
	if !ok {
		return nil, unsupported(c, a.DType)
	}
	return y, nil
}

func zip(y, a, b *graph.Tensor, f func(a, b float64) float64) bool { return zipAs[float32](y, a, b, f) }

func zip64(y, a, b *graph.Tensor, f func(a, b float64) float64) bool {
	return zipAs[float64](y, a, b, f)
}

// zipAs stores f(a, b), computed in the wide type W, in y.
func zipAs[T Real, W float64 | int64 | uint64](y, a, b *graph.Tensor, f func(a, b W) W) bool {
	if f == nil {
		return false
	}
	as, bs, ys := graph.Data[T](a), graph.Data[T](b), graph.Data[T](y)
	strides := [][]int{broadcastStrides(a.Shape, y.Shape), broadcastStrides(b.Shape, y.Shape)}
	eachRow(y.Shape, strides, func(out int, at, steps []int, n int) {
		i, j := at[0], at[1]
		for k := out; k < out+n; k++ {
			ys[k] = T(f(W(as[i]), W(bs[j])))
			i += steps[0]
			j += steps[1]
		}
	})
	return true
}

// compare is an elementwise truth value of two broadcast operands.
func compare(f func(a, b float64) bool, i func(a, b int64) bool, u func(a, b uint64) bool) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		a, b := c.In[0], c.In[1]
		if a.DType != b.DType {
			return nil, fmt.Errorf("operands are %s and %s", a.DType, b.DType)
		}
		shape, err := BroadcastShape(a.Shape, b.Shape)
		if err != nil {
			return nil, err
		}
		y := c.Output(graph.Bool, shape...)
		switch a.DType {
		case graph.Float32:
			test[float32](y, a, b, f)
		case graph.Float64:
			test[float64](y, a, b, f)
		case graph.Int8:
			test[int8](y, a, b, i)
		case graph.Int16:
			test[int16](y, a, b, i)
		case graph.Int32:
			test[int32](y, a, b, i)
		case graph.Int64:
			test[int64](y, a, b, i)
		case graph.Uint8:
			test[uint8](y, a, b, u)
		case graph.Uint16:
			test[uint16](y, a, b, u)
		case graph.Uint32:
			test[uint32](y, a, b, u)
		case graph.Uint64:
			test[uint64](y, a, b, u)
		default:
			return nil, unsupported(c, a.DType)
		}
		return []*graph.Tensor{y}, nil
	})
}

func test[T Real, W float64 | int64 | uint64](y, a, b *graph.Tensor, f func(a, b W) bool) {
	as, bs, ys := graph.Data[T](a), graph.Data[T](b), graph.Data[bool](y)
	strides := [][]int{broadcastStrides(a.Shape, y.Shape), broadcastStrides(b.Shape, y.Shape)}
	eachRow(y.Shape, strides, func(out int, at, steps []int, n int) {
		i, j := at[0], at[1]
		for k := out; k < out+n; k++ {
			ys[k] = f(W(as[i]), W(bs[j]))
			i += steps[0]
			j += steps[1]
		}
	})
}

// cells views a tensor's bytes as words of T's size, whatever they mean: for moving elements.
func cells[T uint16 | uint32 | uint64 | complex128](t *graph.Tensor) []T {
	var z T
	size := int(unsafe.Sizeof(z))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(t.Raw))), len(t.Raw)/size)
}

// logic is an elementwise operator of two broadcast truth values.
func logic(f func(a, b bool) bool) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) {
		a, b := c.In[0], c.In[1]
		if a.DType != graph.Bool || b.DType != graph.Bool {
			return nil, fmt.Errorf("operands are %s and %s, want bool", a.DType, b.DType)
		}
		shape, err := BroadcastShape(a.Shape, b.Shape)
		if err != nil {
			return nil, err
		}
		y := c.Output(graph.Bool, shape...)
		as, bs, ys := graph.Data[bool](a), graph.Data[bool](b), graph.Data[bool](y)
		eachRow(shape, [][]int{broadcastStrides(a.Shape, shape), broadcastStrides(b.Shape, shape)},
			func(out int, at, steps []int, n int) {
				i, j := at[0], at[1]
				for k := out; k < out+n; k++ {
					ys[k] = f(as[i], bs[j])
					i += steps[0]
					j += steps[1]
				}
			})
		return []*graph.Tensor{y}, nil
	}
}
