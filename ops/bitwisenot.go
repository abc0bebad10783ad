package ops

// BitwiseNot inverts the bits of integers.
// https://onnx.ai/onnx/operators/onnx__BitwiseNot.html
var _ = define(Op{
	Name: "BitwiseNot", Since: 18,
	Infer:  sameAsFirst,
	Eval:   eachReal(nil, func(x int64) int64 { return ^x }),
	NoGrad: "its values are integers",
	Exact:  Bitwise,
	Cases: `
		signed   i32[2] 0 -5  ->  i32[2] -1 4
		unsigned u8[2] 0 250  ->  u8[2] 255 5`,
})
