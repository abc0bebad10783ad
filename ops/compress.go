package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Compress keeps the slices along an axis, or without one the elements of the flat input, at which a condition holds. A
// condition that is too short holds nowhere beyond its end.
// https://onnx.ai/onnx/operators/onnx__Compress.html
var _ = define(Op{
	Name: "Compress", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t == nil {
			return nil, nil
		}
		if !c.Node.Attrs.Has("axis") {
			t.Shape = []graph.Dim{graph.Sym("")}
			return []*graph.Type{t}, nil
		}
		if t.Rank() < 0 {
			return []*graph.Type{t}, nil
		}
		axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
		if err != nil {
			return nil, err
		}
		t.Shape[axis] = graph.Sym("")
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		x, cond := c.In[0], c.In[1]
		if cond.DType != graph.Bool || len(cond.Shape) != 1 {
			return nil, fmt.Errorf("the condition is %s, want a bool vector", cond)
		}
		axis := 0
		if c.Node.Attrs.Has("axis") {
			var err error
			if axis, err = axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape)); err != nil {
				return nil, err
			}
		} else {
			x = withShape(x, []int64{x.Len()})
		}
		var keep []int
		for i, hit := range graph.Data[bool](cond) {
			if hit && int64(i) >= x.Shape[axis] {
				return nil, fmt.Errorf("the condition holds at %d, the axis has size %d", i, x.Shape[axis])
			}
			if hit {
				keep = append(keep, i)
			}
		}
		shape := append([]int64{}, x.Shape...)
		shape[axis] = int64(len(keep))
		y := c.Output(x.DType, shape...)
		inner, _ := graph.NumElements(x.Shape[axis+1:])
		outer, _ := graph.NumElements(x.Shape[:axis])
		n, row := int(inner), int(x.Shape[axis]*inner)
		for o := range int(outer) {
			for k, i := range keep {
				copyElements(y, (o*len(keep)+k)*n, x, o*row+i*n, n)
			}
		}
		return []*graph.Tensor{y}, nil
	},
	Grad: func(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
		return []*graph.Value{scatterBack(b, n.In[0], dy[0], func(numbers *graph.Value) *graph.Value {
			return b.Op("Compress", n.Attrs, numbers, n.In[1])
		}), nil}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		rows axis=0  [3 2] 1 2 3 4 5 6  bool[3] 0 1 1  ->  [2 2] 3 4 5 6
		flat [2 2] 1 2 3 4  bool[3] 1 0 1  ->  [2] 1 3
		late axis=1  [1 2] 1 2  bool[3] 1 0 1  ->  error "condition holds at 2"`,
})

// scatterBack adds d to zeros of x's shape at the places that select takes from it; it finds them by selecting from the
// flat positions of x's elements.
func scatterBack(b *Builder, x, d *graph.Value, selected func(numbers *graph.Value) *graph.Value) *graph.Value {
	shape, count := b.Op("Shape", nil, x), b.Op("Size", nil, x)
	numbers := b.Op("Reshape", graph.Attrs{"allowzero": 1}, b.Op("Range", nil, b.Int(0), count, b.Int(1)), shape)
	at := b.Reshape(selected(numbers), -1)
	zeros := b.Op("Expand", nil, b.Like(d, 0), b.Op("Unsqueeze", nil, count, b.Ints(0)))
	flat := b.Op("ScatterElements", graph.Attrs{"reduction": "add"}, zeros, at, b.Reshape(d, -1))
	return b.Op("Reshape", graph.Attrs{"allowzero": 1}, flat, shape)
}
