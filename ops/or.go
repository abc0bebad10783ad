package ops

// Or combines truth values with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Or.html
var _ = define(Op{
	Name: "Or", Since: 7,
	Infer:  truthType,
	Eval:   logic(func(a, b bool) bool { return a || b }),
	NoGrad: "its values are logical",
	Cases: `
		table bool[4] 1 1 0 0  bool[4] 1 0 1 0  ->  bool[4] 1 1 1 0`,
})
