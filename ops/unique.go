package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
)

// Unique returns the different elements or, along an axis, the different slices, in ascending order or (sorted=0) in
// that of their first occurrence; then the place of each one's first occurrence, for each element of the input its
// number, and how often each occurs.
// https://onnx.ai/onnx/operators/onnx__Unique.html
var _ = define(Op{
	Name: "Unique", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := c.Type(0).Clone()
		if t == nil {
			return nil, nil
		}
		unknown := graph.TensorType(graph.Int64, graph.Sym(""))
		if !c.Node.Attrs.Has("axis") {
			t.Shape = []graph.Dim{graph.Sym("")}
		} else if t.Rank() >= 0 {
			axis, err := axisOf(c.Node.Attrs.Int("axis", 0), t.Rank())
			if err != nil {
				return nil, err
			}
			t.Shape[axis] = graph.Sym("")
		}
		return []*graph.Type{t, unknown, unknown.Clone(), unknown.Clone()}, nil
	},
	Eval:   evalUnique,
	NoGrad: "equal elements share one result, so a change of one of them has no derivative",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		sorted [6] 2 1 1 3 4 3  ->  [4] 1 2 3 4  i64[4] 1 0 3 4  i64[6] 1 0 0 2 3 2  i64[4] 2 1 2 1
		first  sorted=0  i32[4] 2 1 2 1  ->  i32[2] 2 1  i64[2] 0 1  i64[4] 0 1 0 1  i64[2] 2 2
		rows   axis=0  [3 2] 2 3 1 0 2 3  ->  [2 2] 1 0 2 3  i64[2] 1 0  i64[3] 1 0 1  i64[2] 1 2
		words  str[3] "b" "a" "b"  ->  str[2] "a" "b"  i64[2] 1 0  i64[3] 1 0 1  i64[2] 1 2`,
})

func evalUnique(c *Call) ([]*graph.Tensor, error) {
	x, axis := c.In[0], 0
	if c.Node.Attrs.Has("axis") {
		var err error
		if axis, err = axisOf(c.Node.Attrs.Int("axis", 0), len(x.Shape)); err != nil {
			return nil, err
		}
	} else {
		x = withShape(x, []int64{x.Len()})
	}
	order, err := sliceOrder(x, axis)
	if err != nil {
		return nil, err
	}
	size := int(x.Shape[axis])
	ranked := make([]int, size)
	for i := range ranked {
		ranked[i] = i
	}
	slices.SortStableFunc(ranked, order)
	var groups [][]int // equal slices, their numbers ascending
	for i, k := range ranked {
		if i == 0 || order(ranked[i-1], k) != 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], k)
	}
	if !c.Node.Attrs.Bool("sorted", true) {
		slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	}
	first, inverse, counts := make([]int64, len(groups)), make([]int64, size), make([]int64, len(groups))
	for g, members := range groups {
		first[g], counts[g] = int64(members[0]), int64(len(members))
		for _, k := range members {
			inverse[k] = int64(g)
		}
	}
	shape := append([]int64{}, x.Shape...)
	shape[axis] = int64(len(groups))
	y := c.Output(x.DType, shape...)
	inner, _ := graph.NumElements(x.Shape[axis+1:])
	outer, _ := graph.NumElements(x.Shape[:axis])
	for o := range int(outer) {
		for g, k := range first {
			copyElements(y, (o*len(groups)+g)*int(inner), x, (o*size+int(k))*int(inner), int(inner))
		}
	}
	return []*graph.Tensor{y, graph.Vector(first...), graph.Vector(inverse...), graph.Vector(counts...)}, nil
}

// sliceOrder compares slices of x along an axis, element by element; NaN is the largest and equals itself.
func sliceOrder(x *graph.Tensor, axis int) (func(i, j int) int, error) {
	element := func(i, j int) int { return strings.Compare(x.Strings[i], x.Strings[j]) }
	if x.DType != graph.String {
		var err error
		if x.DType == graph.Complex64 || x.DType == graph.Complex128 {
			return nil, fmt.Errorf("%s has no order", x.DType)
		}
		if element, err = ranking(x, false); err != nil {
			return nil, err
		}
	}
	stride, _ := graph.NumElements(x.Shape[axis+1:])
	outer, _ := graph.NumElements(x.Shape[:axis])
	size, inner := int(x.Shape[axis]), int(stride)
	return func(i, j int) int {
		for o := range int(outer) {
			for k := range inner {
				if d := element((o*size+i)*inner+k, (o*size+j)*inner+k); d != 0 {
					return d
				}
			}
		}
		return 0
	}, nil
}
