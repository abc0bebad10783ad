package ops

// BitwiseXor works on the bits of integers, with broadcasting.
// https://onnx.ai/onnx/operators/onnx__BitwiseXor.html
var _ = define(Op{
	Name: "BitwiseXor", Since: 18,
	Infer: broadcastType,
	Eval: pairs{
		Int:  func(a, b int64) int64 { return a ^ b },
		Uint: func(a, b uint64) uint64 { return a ^ b },
	}.eval(),
	NoGrad: "its values are integers",
	Cases: `
		bits u8[2] 6 255  u8[2] 3 5  ->  u8[2] 5 250`,
})
