package ops

import "math"

// Floor rounds down.
// https://onnx.ai/onnx/operators/onnx__Floor.html
var _ = define(Op{
	Name: "Floor", Since: 6,
	Infer:  sameAsFirst,
	Eval:   eachFloat(math.Floor),
	NoGrad: "it is constant between its steps",
	Cases: `
		points [3] -1.5 0.2 2  ->  [3] -2 0 2`,
})
