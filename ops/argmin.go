package ops

// ArgMin is the position of the smallest element along an axis: of the first one or, with select_last_index, the last.
// NaN wins.
// https://onnx.ai/onnx/operators/onnx__ArgMin.html
var _ = define(Op{
	Name: "ArgMin", Since: 1,
	Infer:  inferArg,
	Eval:   evalArg(-1),
	NoGrad: "its values are indices",
	Exact:  Bitwise,
	Cases: `
		rows  axis=-1 keepdims=0  [2 3] 3 1 1 5 nan -9  ->  i64[2] 1 1
		last  select_last_index=1  u8[3 2] 7 2 1 1 1 5  ->  i64[1 2] 2 1`,
})
