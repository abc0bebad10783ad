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

// rows are the lines of an output along its last axis, with what operands of given strides have there. Trailing axes over which
// all operands are contiguous are joined first.
type rows struct {
	outer   []int64 // the axes before the line's
	strides [][]int
	n       int   // elements of a line
	steps   []int // the operands' steps within a line
	count   int
}

func rowsOf(shape []int64, strides [][]int) rows {
	total, _ := graph.NumElements(shape)
	if len(shape) == 0 {
		return rows{strides: strides, n: 1, steps: make([]int, len(strides)), count: 1}
	}
	last := len(shape) - 1
	r := rows{strides: strides, n: int(shape[last]), steps: make([]int, len(strides))}
	for k, s := range strides {
		r.steps[k] = s[last]
	}
	for last > 0 && joinable(strides, r.steps, last, r.n) {
		last--
		r.n *= int(shape[last])
	}
	if r.outer = shape[:last]; total > 0 {
		r.count = int(total) / r.n
	}
	return r
}

func joinable(strides [][]int, steps []int, last, n int) bool {
	for k, s := range strides {
		if s[last-1] != steps[k]*n {
			return false
		}
	}
	return true
}

// each calls f for the lines [from, to) with the output offset, the operands' offsets and steps and the number of elements.
func (r rows) each(from, to int, f func(out int, at, steps []int, n int)) {
	at := make([]int, len(r.strides))
	index := make([]int64, len(r.outer))
	rest := from
	for axis := len(r.outer) - 1; axis >= 0 && rest > 0; axis-- {
		size := int(r.outer[axis])
		index[axis] = int64(rest % size)
		for k, s := range r.strides {
			at[k] += s[axis] * (rest % size)
		}
		rest /= size
	}
	for line := from; line < to; line++ {
		f(line*r.n, at, r.steps, r.n)
		for axis := len(r.outer) - 1; axis >= 0; axis-- {
			index[axis]++
			for k, s := range r.strides {
				at[k] += s[axis]
			}
			if index[axis] < r.outer[axis] {
				break
			}
			for k, s := range r.strides {
				at[k] -= s[axis] * int(r.outer[axis])
			}
			index[axis] = 0
		}
	}
}

// eachRow walks an output of the given shape line by line; f gets the output offset, the offset of each operand and the operands'
// steps within the line of n elements.
func eachRow(shape []int64, strides [][]int, f func(out int, at, steps []int, n int)) {
	r := rowsOf(shape, strides)
	r.each(0, r.count, f)
}

// cheap is how many elements of simple arithmetic are worth handing to another core.
const cheap = 1 << 14

// eachRowOf is eachRow on all cores: f writes only what belongs to its line, of which it may get a piece. It stops with c's context.
func eachRowOf(c *Call, shape []int64, strides [][]int, f func(out int, at, steps []int, n int)) error {
	r := rowsOf(shape, strides)
	if r.count == 1 {
		return Parallel(c, r.n, cheap, func(lo, hi int) error {
			at := make([]int, len(strides))
			for k, step := range r.steps {
				at[k] = lo * step
			}
			f(lo, at, r.steps, hi-lo)
			return nil
		})
	}
	return Parallel(c, r.count, cheap/max(1, r.n)+1, func(lo, hi int) error {
		r.each(lo, hi, f)
		return nil
	})
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
		y := c.over(x.DType, x.Shape, x)
		var err error
		switch x.DType {
		case graph.Float32:
			err = mapFloat[float32](c, y, x, f)
		case graph.Float64:
			err = mapFloat[float64](c, y, x, f)
		default:
			if g == nil || !mapInt(y, x, g) {
				return nil, unsupported(c, x.DType)
			}
		}
		return []*graph.Tensor{y}, err
	})
}

func mapFloat[T float32 | float64](c *Call, y, x *graph.Tensor, f func(float64) float64) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	return Parallel(c, len(xs), cheap/4, func(lo, hi int) error {
		for i := lo; i < hi; i++ {
			ys[i] = T(f(float64(xs[i])))
		}
		return nil
	})
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
	y := c.over(a.DType, shape, a, b)
	switch a.DType {
	case graph.Float32:
		err = zipAs[float32](c, y, a, b, p.Float)
	case graph.Float64:
		err = zipAs[float64](c, y, a, b, p.Float)
	case graph.Int8:
		err = zipAs[int8](c, y, a, b, p.Int)
	case graph.Int16:
		err = zipAs[int16](c, y, a, b, p.Int)
	case graph.Int32:
		err = zipAs[int32](c, y, a, b, p.Int)
	case graph.Int64:
		err = zipAs[int64](c, y, a, b, p.Int)
	case graph.Uint8:
		err = zipAs[uint8](c, y, a, b, p.Uint)
	case graph.Uint16:
		err = zipAs[uint16](c, y, a, b, p.Uint)
	case graph.Uint32:
		err = zipAs[uint32](c, y, a, b, p.Uint)
	case graph.Uint64:
		err = zipAs[uint64](c, y, a, b, p.Uint)
	default:
		err = unsupported(c, a.DType)
	}
	return y, err
}

// zipAs stores f(a, b), computed in the wide type W, in y.
func zipAs[T Real, W float64 | int64 | uint64](c *Call, y, a, b *graph.Tensor, f func(a, b W) W) error {
	if f == nil {
		return unsupported(c, a.DType)
	}
	as, bs, ys := graph.Data[T](a), graph.Data[T](b), graph.Data[T](y)
	strides := [][]int{broadcastStrides(a.Shape, y.Shape), broadcastStrides(b.Shape, y.Shape)}
	return eachRowOf(c, y.Shape, strides, func(out int, at, steps []int, n int) {
		i, j := at[0], at[1]
		for k := out; k < out+n; k++ {
			ys[k] = T(f(W(as[i]), W(bs[j])))
			i += steps[0]
			j += steps[1]
		}
	})
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
			err = test[float32](c, y, a, b, f)
		case graph.Float64:
			err = test[float64](c, y, a, b, f)
		case graph.Int8:
			err = test[int8](c, y, a, b, i)
		case graph.Int16:
			err = test[int16](c, y, a, b, i)
		case graph.Int32:
			err = test[int32](c, y, a, b, i)
		case graph.Int64:
			err = test[int64](c, y, a, b, i)
		case graph.Uint8:
			err = test[uint8](c, y, a, b, u)
		case graph.Uint16:
			err = test[uint16](c, y, a, b, u)
		case graph.Uint32:
			err = test[uint32](c, y, a, b, u)
		case graph.Uint64:
			err = test[uint64](c, y, a, b, u)
		default:
			err = unsupported(c, a.DType)
		}
		return []*graph.Tensor{y}, err
	})
}

func test[T Real, W float64 | int64 | uint64](c *Call, y, a, b *graph.Tensor, f func(a, b W) bool) error {
	as, bs, ys := graph.Data[T](a), graph.Data[T](b), graph.Data[bool](y)
	strides := [][]int{broadcastStrides(a.Shape, y.Shape), broadcastStrides(b.Shape, y.Shape)}
	return eachRowOf(c, y.Shape, strides, func(out int, at, steps []int, n int) {
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
