package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// ScatterElements writes each update at the position that its index names along axis, its own position giving the other
// coordinates; a reduction combines it with what stands there.
// https://onnx.ai/onnx/operators/onnx__ScatterElements.html
var _ = define(Op{
	Name: "ScatterElements", Since: 11,
	Infer: sameAsFirst,
	Eval:  evalScatterElements,
	Grad:  scatterElementsGrad,
	Exact: Rounding,
	Grow:  Fixed,
	Cases: `
		none axis=1  [1 4] 1 2 3 4  i64[1 2] 1 -1  [1 2] 8 9  ->  [1 4] 1 8 3 9
		add  axis=0 reduction="add"  [3 1] 1 2 3  i64[2 1] 2 2  [2 1] 10 20  ->  [3 1] 1 2 33`,
})

func evalScatterElements(c *Call) ([]*graph.Tensor, error) {
	x, index, u := c.In[0], c.In[1], c.In[2]
	at, err := elementPositions(c.Node, x, index)
	if err != nil {
		return nil, err
	}
	if u.DType != x.DType || u.Len() != index.Len() {
		return nil, fmt.Errorf("updates are %s for data %s and indices %s", u, x, index)
	}
	reduce, err := reducerOf(c.Node, x.DType)
	if err != nil {
		return nil, err
	}
	y := startFrom(c, x)
	for k, p := range at {
		reduce(y, p, u, k)
	}
	return []*graph.Tensor{y}, nil
}

// elementPositions returns the flat position in x that each element of index names along axis.
func elementPositions(n *graph.Node, x, index *graph.Tensor) ([]int, error) {
	axis, err := axisOf(n.Attrs.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	if len(index.Shape) != len(x.Shape) {
		return nil, fmt.Errorf("indices are %s for data %s, want equal ranks", index, x)
	}
	for k, d := range index.Shape {
		if k != axis && d > x.Shape[k] {
			return nil, fmt.Errorf("indices are %s, beyond data %s", index, x)
		}
	}
	along, err := indices(index, x.Shape[axis])
	if err != nil {
		return nil, err
	}
	strides := Strides(x.Shape)
	step := strides[axis]
	strides[axis] = 0
	at := make([]int, len(along))
	eachRow(index.Shape, [][]int{strides}, func(out int, base, steps []int, n int) {
		for k := range n {
			at[out+k] = base[0] + k*steps[0] + int(along[out+k])*step
		}
	})
	return at, nil
}

func scatterElementsGrad(b *Builder, n *graph.Node, dy []*graph.Value) []*graph.Value {
	attrs := graph.Attrs{"axis": n.Attrs.Int("axis", 0)}
	index := n.In[1]
	du := b.Op("GatherElements", attrs, dy[0], index)
	switch mode := n.Attrs.Str("reduction", "none"); mode {
	case "none":
		zeros := b.Op("Expand", nil, b.Like(dy[0], 0), b.Op("Shape", nil, index))
		return []*graph.Value{b.Op("ScatterElements", attrs, dy[0], index, zeros), nil, du}
	case "add":
		return []*graph.Value{dy[0], nil, du}
	default:
		panic("ops: the gradient of ScatterElements with reduction " + mode)
	}
}
