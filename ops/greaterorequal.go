package ops

// GreaterOrEqual is a >= b with broadcasting; false if either is NaN.
// https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html
var _ = define(Op{
	Name: "GreaterOrEqual", Since: 12,
	Infer:  truthType,
	Eval:   compare(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }, func(a, b uint64) bool { return a >= b }),
	NoGrad: "its values are logical",
	Cases: `
		mixed [3] 1 2 nan  [] 2  ->  bool[3] 0 1 0`,
})
