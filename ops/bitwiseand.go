package ops

// BitwiseAnd works on the bits of integers, with broadcasting.
// https://onnx.ai/onnx/operators/onnx__BitwiseAnd.html
var _ = define(Op{
	Name: "BitwiseAnd", Since: 18,
	Infer: broadcastType,
	Eval: pairs{
		Int:  func(a, b int64) int64 { return a & b },
		Uint: func(a, b uint64) uint64 { return a & b },
	}.eval(),
	NoGrad: "its values are integers",
	Cases: `
		bits i32[2] 6 -1  i32[2] 3 5  ->  i32[2] 2 5`,
})
