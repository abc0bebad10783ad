package ops

// LessOrEqual is a <= b with broadcasting; false if either is NaN.
// https://onnx.ai/onnx/operators/onnx__LessOrEqual.html
var _ = define(Op{
	Name: "LessOrEqual", Since: 12,
	Infer:  truthType,
	Eval:   compare(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b }, func(a, b uint64) bool { return a <= b }),
	NoGrad: "its values are logical",
	Cases: `
		mixed [3] 1 2 nan  [] 1  ->  bool[3] 1 0 0`,
})
