package ops

// Greater is a > b with broadcasting; false if either is NaN.
// https://onnx.ai/onnx/operators/onnx__Greater.html
var _ = define(Op{
	Name: "Greater", Since: 7,
	Infer:  truthType,
	Eval:   compare(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }, func(a, b uint64) bool { return a > b }),
	NoGrad: "its values are logical",
	Cases: `
		mixed [3] 1 2 nan  [] 1.5  ->  bool[3] 0 1 0
		big u64[1] 18446744073709551615  u64[1] 1  ->  bool[1] 1`,
})
