package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// OneHot inserts an axis of size depth that has the second value at the place of the index and the first elsewhere; a
// negative index counts from the end, and one outside depth names no place.
// https://onnx.ai/onnx/operators/onnx__OneHot.html
var _ = define(Op{
	Name: "OneHot", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		values := c.Type(2)
		if t == nil || values == nil {
			return nil, nil
		}
		t.DType = values.DType
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		depth := graph.Sym("")
		if d := c.Constant(1); d != nil {
			n, err := oneHotDepth(d)
			if err != nil {
				return nil, err
			}
			depth = graph.D(n)
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), t.Rank()+1)
		if err != nil {
			return nil, err
		}
		t.Shape = append(append(append([]graph.Dim{}, t.Shape[:axis]...), depth), t.Shape[axis:]...)
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, values := c.In[0], c.In[2]
		depth, err := oneHotDepth(c.In[1])
		if err != nil {
			return nil, err
		}
		if values.Len() != 2 || len(values.Shape) != 1 {
			return nil, fmt.Errorf("values is %s, want two", values)
		}
		index, err := castTensor(x, graph.Int64)
		if err != nil {
			return nil, err
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", -1), len(x.Shape)+1)
		if err != nil {
			return nil, err
		}
		y, err := outputOf(c, values.DType, append(append(append([]int64{}, x.Shape[:axis]...), depth), x.Shape[axis:]...))
		if err != nil {
			return nil, err
		}
		gatherStrided(y, values, make([]int, len(y.Shape)), 0)
		stride, _ := graph.NumElements(x.Shape[axis:])
		for k, i := range graph.Data[int64](index) {
			if i < 0 {
				i += depth
			}
			if i >= 0 && i < depth {
				at := (int64(k)/stride*depth+i)*stride + int64(k)%stride
				setElement(y, int(at), values, 1)
			}
		}
		return []*graph.Tensor{y}, nil
	},
	// The values' gradients are the sums over where each stands.
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		hot := b.Op("OneHot", n.Attrs, n.In[0], n.In[1], b.CastLike(b.Ints(0, 1), dy[0]))
		sum := func(v *graph.Value) *graph.Value {
			return b.Reshape(b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, v), 1)
		}
		on, all := sum(b.Mul(dy[0], hot)), sum(dy[0])
		return []*graph.Value{nil, nil, b.Op("Concat", graph.Attrs{"axis": 0}, b.Sub(all, on), on)}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		last  i64[3] 0 -1 5  i64[] 3  [2] 0 1  ->  [3 3] 1 0 0 0 0 1 0 0 0
		first axis=0  i64[2] 1 0  i64[1] 2  [2] 5 7  ->  [2 2] 5 7 7 5
		words i64[] 1  i64[] 2  str[2] "off" "on"  ->  str[2] "off" "on"
		depth i64[1] 1  i64[] -2  [2] 0 1  ->  error "depth"`,
})

// setElement copies one element of at least eight bits, or a string.
func setElement(y *graph.Tensor, to int, x *graph.Tensor, from int) {
	if bits := x.DType.Bits(); bits > 0 && bits < 8 {
		per := 8 / bits
		y.Raw[to/per] &^= (1<<bits - 1) << (to % per * bits)
	}
	copyElements(y, to, x, from, 1)
}

func oneHotDepth(t *graph.Tensor) (int64, error) {
	wide, err := castTensor(t, graph.Int64)
	if err != nil {
		return 0, err
	}
	if wide.Len() != 1 || graph.Data[int64](wide)[0] < 0 {
		return 0, fmt.Errorf("the depth is %v of %s, want one size", graph.Data[int64](wide), t)
	}
	return graph.Data[int64](wide)[0], nil
}
