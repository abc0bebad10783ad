package ops

// Xor combines truth values with broadcasting.
// https://onnx.ai/onnx/operators/onnx__Xor.html
var _ = define(Op{
	Name: "Xor", Since: 7,
	Infer:  truthType,
	Eval:   logic(func(a, b bool) bool { return a != b }),
	NoGrad: "its values are logical",
	Cases: `
		table bool[4] 1 1 0 0  bool[4] 1 0 1 0  ->  bool[4] 0 1 1 0`,
})
