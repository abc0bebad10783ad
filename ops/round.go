package ops

import "math"

// Round goes to the nearest integer, halves to the even one.
// https://onnx.ai/onnx/operators/onnx__Round.html
var _ = define(Op{
	Name: "Round", Since: 11,
	Infer:  sameAsFirst,
	Eval:   eachFloat(math.RoundToEven),
	NoGrad: "it is constant between its steps",
	Cases: `
		halves [4] 0.5 1.5 -2.5 0.4  ->  [4] 0 2 -2 0`,
})
