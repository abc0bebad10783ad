package ops

import "github.com/astronnx/astronnx/graph"

// IsNaN tells which elements are not a number.
// https://onnx.ai/onnx/operators/onnx__IsNaN.html
var _ = define(Op{
	Name: "IsNaN", Since: 9,
	Infer:  truthType,
	Eval:   testFloats(func(_ *graph.Node, x float64) bool { return x != x }),
	NoGrad: "its values are logical",
	Exact:  Bitwise,
	Cases: `
		mixed [3] 1 nan inf  ->  bool[3] 0 1 0`,
})
