package ops

// ReduceMax takes the largest element along axes; NaN wins, and the largest of nothing is the smallest of its type.
// Before opset 18 axes is an attribute.
// https://onnx.ai/onnx/operators/onnx__ReduceMax.html
var _ = define(Op{
	Name: "ReduceMax", Since: 1,
	Infer: reducedType,
	Eval:  boolAsByte(foldMax.eval()),
	// Elements that tie share the gradient in equal parts, as in PyTorch's amax.
	Grad:  shareAmongReached,
	Exact: Bitwise,
	Cases: `
		rows  keepdims=0  [2 3] 1 7 3 4 -5 2  i64[1] 1  ->  [2] 7 4
		nan   keepdims=0  [2 2] 1 7 nan 3  i64[1] 1  ->  [2] 7 nan
		attr  @13 axes=[0]  [2 2] 1 6 3 2  ->  [1 2] 3 6
		ties  !kink keepdims=0  [4] 2 1 2 0  ->  [] 2
		bytes u8[2 2] 1 200 3 4  i64[1] 0  ->  u8[1 2] 3 200
		truth bool[2 2] 1 0 0 0  i64[1] 1  ->  bool[2 1] 1 0
		empty i8[0 2]  i64[1] 0  ->  i8[1 2] -128 -128`,
})
