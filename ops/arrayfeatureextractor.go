package ops

import (
	"math"

	"github.com/astronnx/astronnx/graph"
)

// ArrayFeatureExtractor picks elements of the last axis; a vector becomes one row.
// https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html
var _ = classic.Define(Op{
	Name: "ArrayFeatureExtractor", Since: 1,
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, index := n.In[0], b.Reshape(n.In[1], -1)
		lead := b.Op("Slice", nil, b.Op("Shape", nil, x), b.Ints(0), b.Ints(-1))
		// One row where there is no axis before the last.
		from := b.Op("Neg", nil, b.Op("Max", nil, b.Op("Shape", nil, lead), b.Ints(1)))
		rows := b.Op("Slice", nil, b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(1), lead), from, b.Ints(math.MaxInt64))
		shape := b.Op("Concat", graph.Attrs{"axis": 0}, rows, b.Op("Shape", nil, index))
		y := b.Op("Gather", graph.Attrs{"axis": -1}, x, index)
		return []*graph.Value{b.Op("Reshape", graph.Attrs{"allowzero": 1}, y, shape)}
	},
	Exact: Bitwise,
	Grow:  Fixed,
	Cases: `
		columns [2 3] 1 2 3 4 5 6  i64[1 2] 2 0  ->  [2 2] 3 1 6 4
		vector  i32[3] 7 8 9  i64[2] 1 1  ->  i32[1 2] 8 8
		words   str[1 1 2] "a" "b"  i64[1] 1  ->  str[1 1 1] "b"
		beyond  [1 2] 1 2  i64[1] 2  ->  error`,
})
