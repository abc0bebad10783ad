package ops

// ReduceMin takes the smallest element along axes; NaN wins, and the smallest of nothing is the largest of its type.
// Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceMin.html
var _ = define(Op{
	Name: "ReduceMin", Since: 1,
	Infer: reducedType,
	Eval:  boolAsByte(foldMin.eval()),
	// Elements that tie share the gradient in equal parts, as in PyTorch's amin.
	Grad:  shareAmongReached,
	Exact: Bitwise,
	Cases: `
		rows  keepdims=0  [2 3] 1 7 3 4 -5 2  i64[1] 1  ->  [2] 1 -5
		nan   keepdims=0  [2 2] 1 7 nan 3  i64[1] 1  ->  [2] 1 nan
		attr  @13 axes=[-1]  [2 2] 1 6 3 2  ->  [2 1] 1 2
		truth bool[2 2] 1 0 1 1  i64[1] 1  ->  bool[2 1] 0 1
		empty u8[0 2]  i64[1] 0  ->  u8[1 2] 255 255`,
})
