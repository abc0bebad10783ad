package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// ArgMax is the position of the largest element along an axis: of the first one or, with select_last_index, the last.
// NaN wins.
// https://onnx.ai/onnx/operators/onnx__ArgMax.html
var _ = define(Op{
	Name: "ArgMax", Since: 1,
	Infer:  inferArg,
	Eval:   evalArg(1),
	NoGrad: "its values are indices",
	Exact:  Bitwise,
	Cases: `
		rows  axis=1 keepdims=0  [2 3] 1 3 3 5 nan 9  ->  i64[2] 1 1
		last  select_last_index=1  i32[3 2] 1 2 7 2 7 1  ->  i64[1 2] 2 1
		empty axis=1  [2 0]  ->  error "empty"`,
})

func inferArg(c *Inference) ([]*graph.Type, error) {
	t := c.Type(0).Clone()
	if t == nil {
		t = &graph.Type{}
	}
	t.DType = graph.Int64
	if t.Rank() < 0 {
		return []*graph.Type{t}, nil
	}
	axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
	if err != nil {
		return nil, err
	}
	t.Shape[axis] = graph.D(1)
	if !c.Node.Attrs.Bool("keepdims", true) {
		t.Shape = append(t.Shape[:axis], t.Shape[axis+1:]...)
	}
	return []*graph.Type{t}, nil
}

// evalArg finds the largest elements, or with sign -1 the smallest.
func evalArg(sign int) func(*Call) ([]*graph.Tensor, error) {
	return widened(func(c *Call) ([]*graph.Tensor, error) {
		x := c.In[0]
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, err
		}
		if x.Shape[axis] == 0 {
			return nil, fmt.Errorf("axis %d of %s is empty", axis, x)
		}
		shape := append([]int64{}, x.Shape...)
		shape[axis] = 1
		y := c.Output(graph.Int64, shape...)
		switch x.DType {
		case graph.Float32:
			argOf[float32](c, y, x, axis, sign)
		case graph.Float64:
			argOf[float64](c, y, x, axis, sign)
		case graph.Int8:
			argOf[int8](c, y, x, axis, sign)
		case graph.Int16:
			argOf[int16](c, y, x, axis, sign)
		case graph.Int32:
			argOf[int32](c, y, x, axis, sign)
		case graph.Int64:
			argOf[int64](c, y, x, axis, sign)
		case graph.Uint8:
			argOf[uint8](c, y, x, axis, sign)
		case graph.Uint16:
			argOf[uint16](c, y, x, axis, sign)
		case graph.Uint32:
			argOf[uint32](c, y, x, axis, sign)
		case graph.Uint64:
			argOf[uint64](c, y, x, axis, sign)
		default:
			return nil, unsupported(c, x.DType)
		}
		if !c.Node.Attrs.Bool("keepdims", true) {
			y.Shape = append(shape[:axis:axis], shape[axis+1:]...)
		}
		return []*graph.Tensor{y}, nil
	})
}

func argOf[T Real](c *Call, y, x *graph.Tensor, axis, sign int) {
	xs, index := graph.Data[T](x), graph.Data[int64](y)
	stride, _ := graph.NumElements(x.Shape[axis+1:])
	size, inner := int(x.Shape[axis]), int(stride)
	last := c.Node.Attrs.Bool("select_last_index", false)
	better := func(v, best T) bool {
		switch {
		case best != best:
			return last && v != v
		case v == best:
			return last
		}
		return v != v || (v > best) == (sign > 0)
	}
	for k := range index {
		at := k/inner*inner*size + k%inner
		best := xs[at]
		for i := 1; i < size; i++ {
			if v := xs[at+i*inner]; better(v, best) {
				best, index[k] = v, int64(i)
			}
		}
	}
}
