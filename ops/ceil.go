package ops

import "math"

// Ceil rounds up.
// https://onnx.ai/onnx/operators/onnx__Ceil.html
var _ = define(Op{
	Name: "Ceil", Since: 6,
	Infer:  sameAsFirst,
	Eval:   eachFloat(math.Ceil),
	NoGrad: "it is constant between its steps",
	Cases: `
		points [3] -1.5 0.2 2  ->  [3] -1 1 2`,
})
