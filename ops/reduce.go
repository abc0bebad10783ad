package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// fold reduces the elements along axes to one, in the widest type of their kind. Integers go through float64 where
// there is no fold of integers.
type fold struct {
	Start func(d graph.DType) extremes // the result of nothing; nil: 0
	Float func(acc, x float64) float64
	Int   func(acc, x int64) int64
	Uint  func(acc, x uint64) uint64
	// Finish maps the folded value of n elements to the result; nil: itself. It needs Int and Uint to be nil.
	Finish func(acc float64, n int) float64
}

// extremes is one value in the three widest types.
type extremes struct {
	Float float64
	Int   int64
	Uint  uint64
}

// eval serves a reduction whose axes are input 1 or an attribute.
func (f fold) eval() func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		over, err := reducedAxes(c)
		if err != nil {
			return nil, err
		}
		y, err := f.over(c, c.In[0], over)
		if err != nil {
			return nil, err
		}
		if !c.Node.Attrs.Bool("keepdims", true) {
			y.Shape = removeAxes(y.Shape, over)
		}
		return []*graph.Tensor{y}, nil
	})
}

// over folds x along the marked axes, which keep size 1.
func (f fold) over(c *Call, x *graph.Tensor, over []bool) (*graph.Tensor, error) {
	if x.DType.IsInt() && f.Int == nil {
		wide, err := castTensor(x, graph.Float64)
		if err != nil {
			return nil, err
		}
		inner := *c
		inner.New = nil
		y, err := f.over(&inner, wide, over)
		if err != nil {
			return nil, err
		}
		return castTensor(y, x.DType)
	}
	shape := slices.Clone(x.Shape)
	for i, o := range over {
		if o {
			shape[i] = 1
		}
	}
	y := c.Output(x.DType, shape...)
	var start extremes
	if f.Start != nil {
		start = f.Start(x.DType)
	}
	n := 1
	for i, o := range over {
		if o {
			n *= int(x.Shape[i])
		}
	}
	var finish func(acc float64) float64
	if f.Finish != nil {
		finish = func(acc float64) float64 { return f.Finish(acc, n) }
	}
	switch x.DType {
	case graph.Float32:
		return y, foldAs[float32](c, y, x, start.Float, f.Float, finish)
	case graph.Float64:
		return y, foldAs[float64](c, y, x, start.Float, f.Float, finish)
	case graph.Int8:
		return y, foldAs[int8](c, y, x, start.Int, f.Int, nil)
	case graph.Int16:
		return y, foldAs[int16](c, y, x, start.Int, f.Int, nil)
	case graph.Int32:
		return y, foldAs[int32](c, y, x, start.Int, f.Int, nil)
	case graph.Int64:
		return y, foldAs[int64](c, y, x, start.Int, f.Int, nil)
	case graph.Uint8:
		return y, foldAs[uint8](c, y, x, start.Uint, f.Uint, nil)
	case graph.Uint16:
		return y, foldAs[uint16](c, y, x, start.Uint, f.Uint, nil)
	case graph.Uint32:
		return y, foldAs[uint32](c, y, x, start.Uint, f.Uint, nil)
	case graph.Uint64:
		return y, foldAs[uint64](c, y, x, start.Uint, f.Uint, nil)
	}
	return nil, unsupported(c, x.DType)
}

func foldAs[T Real, W float64 | int64 | uint64](
	c *Call, y, x *graph.Tensor, start W, f func(acc, x W) W, finish func(W) W,
) error {
	xs, ys := graph.Data[T](x), graph.Data[T](y)
	acc := make([]W, len(ys))
	for i := range acc {
		acc[i] = start
	}
	var err error
	eachRow(x.Shape, [][]int{broadcastStrides(y.Shape, x.Shape)}, func(i int, at, steps []int, n int) {
		if err != nil {
			return
		}
		if i&0xffff < n {
			err = c.Err()
		}
		o, step := at[0], steps[0]
		if step == 0 {
			a := acc[o]
			for _, v := range xs[i : i+n] {
				a = f(a, W(v))
			}
			acc[o] = a
			return
		}
		for _, v := range xs[i : i+n] {
			acc[o] = f(acc[o], W(v))
			o += step
		}
	})
	for i, a := range acc {
		if finish != nil {
			a = finish(a)
		}
		ys[i] = T(a)
	}
	return err
}

// reducedAxes marks the axes that a reduction folds: the given ones or, if there are none, all unless
// noop_with_empty_axes is set.
func reducedAxes(c *Call) ([]bool, error) {
	axes, err := evalAxes(c)
	if err != nil {
		return nil, err
	}
	return markAxes(c.Node, axes, len(c.In[0].Shape))
}

func markAxes(n *graph.Node, axes []int64, rank int) ([]bool, error) {
	over := make([]bool, rank)
	if len(axes) == 0 {
		if !n.Attrs.Bool("noop_with_empty_axes", false) {
			for i := range over {
				over[i] = true
			}
		}
		return over, nil
	}
	for _, a := range axes {
		i, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if over[i] {
			return nil, fmt.Errorf("axes %v name one twice", axes)
		}
		over[i] = true
	}
	return over, nil
}

// reducedType infers the result of a reduction.
func reducedType(c *Inference) ([]*graph.Type, error) {
	t := c.Type(0).Clone()
	axes, known, err := inferAxes(c)
	if err != nil || t.Rank() < 0 {
		return []*graph.Type{t}, err
	}
	keep := c.Node.Attrs.Bool("keepdims", true)
	if !known {
		if !keep {
			return []*graph.Type{withoutShape(t)}, nil
		}
		for i, d := range t.Shape {
			if d.Size != 1 {
				t.Shape[i] = graph.Sym("")
			}
		}
		return []*graph.Type{t}, nil
	}
	over, err := markAxes(c.Node, axes, t.Rank())
	if err != nil {
		return nil, err
	}
	if !keep {
		t.Shape = removeAxes(t.Shape, over)
		return []*graph.Type{t}, nil
	}
	for i, o := range over {
		if o {
			t.Shape[i] = graph.D(1)
		}
	}
	return []*graph.Type{t}, nil
}

// spread gives v, of the shape of n's result, the dimensions of size 1 that n dropped, so that it broadcasts to n's
// input.
func spread(b *Builder, n *graph.Node, v *graph.Value) *graph.Value {
	axes := axesValue(b, n)
	if n.Attrs.Bool("keepdims", true) || axes == nil {
		return v // without axes v is a scalar, or nothing was reduced
	}
	return b.Op("Unsqueeze", nil, v, axes)
}

// reduceLike reduces v as n reduces its input, but keeps the dimensions.
func reduceLike(b *Builder, n *graph.Node, op string, v *graph.Value) *graph.Value {
	attrs := graph.Attrs{"keepdims": 1, "noop_with_empty_axes": n.Attrs.Bool("noop_with_empty_axes", false)}
	return b.Op(op, attrs, v, axesValue(b, n))
}

// axesValue is the axes of a reduction as a value, nil: none given.
func axesValue(b *Builder, n *graph.Node) *graph.Value {
	if v := n.Input(1); v != nil {
		return v
	}
	if axes := n.Attrs.Ints("axes", nil); len(axes) > 0 {
		return b.Ints(axes...)
	}
	return nil
}

// likeInput broadcasts v to the shape of n's first input.
func likeInput(b *Builder, n *graph.Node, v *graph.Value) *graph.Value {
	y := b.Op("Expand", nil, v, b.Op("Shape", nil, n.In[0]))
	y.Type = n.In[0].Type
	return y
}

// shareAmongReached gives the gradient of a largest or smallest element to all that reach it, in equal parts.
func shareAmongReached(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	hit := b.CastLike(b.Op("Equal", nil, n.In[0], spread(b, n, n.Out[0])), dy[0])
	share := b.Div(spread(b, n, dy[0]), reduceLike(b, n, "ReduceSum", hit))
	return []*graph.Value{b.Mul(share, hit), nil}
}

// boolAsByte runs a kernel of ordered values on truth values, false before true.
func boolAsByte(eval func(*Call) ([]*graph.Tensor, error)) func(*Call) ([]*graph.Tensor, error) {
	return func(c *Call) ([]*graph.Tensor, error) {
		if c.In[0].DType != graph.Bool {
			return eval(c)
		}
		bytes := *c.In[0]
		bytes.DType = graph.Uint8
		inner := *c
		inner.In = append([]*graph.Tensor{&bytes}, c.In[1:]...)
		y, err := eval(&inner)
		if err == nil && y[0].DType == graph.Uint8 {
			for i, v := range y[0].Raw {
				y[0].Raw[i] = min(v, 1)
			}
			y[0].DType = graph.Bool
		}
		return y, err
	}
}

func least(d graph.DType) extremes {
	bits := d.Bits()
	return extremes{Float: math.Inf(-1), Int: math.MinInt64 >> (64 - bits)}
}

func greatest(d graph.DType) extremes {
	bits := d.Bits()
	return extremes{Float: math.Inf(1), Int: math.MaxInt64 >> (64 - bits), Uint: math.MaxUint64 >> (64 - bits)}
}

func ones(graph.DType) extremes { return extremes{1, 1, 1} }

var (
	foldSum = fold{
		Float: func(acc, x float64) float64 { return acc + x },
		Int:   func(acc, x int64) int64 { return acc + x },
		Uint:  func(acc, x uint64) uint64 { return acc + x },
	}
	foldProd = fold{
		Start: ones,
		Float: func(acc, x float64) float64 { return acc * x },
		Int:   func(acc, x int64) int64 { return acc * x },
		Uint:  func(acc, x uint64) uint64 { return acc * x },
	}
	foldMax = fold{
		Start: least,
		Float: func(acc, x float64) float64 { return max(acc, x) },
		Int:   func(acc, x int64) int64 { return max(acc, x) },
		Uint:  func(acc, x uint64) uint64 { return max(acc, x) },
	}
	foldMin = fold{
		Start: greatest,
		Float: func(acc, x float64) float64 { return min(acc, x) },
		Int:   func(acc, x int64) int64 { return min(acc, x) },
		Uint:  func(acc, x uint64) uint64 { return min(acc, x) },
	}
)
