package ops

// Min is the elementwise smallest of its inputs with broadcasting; NaN wins.
// https://onnx.ai/onnx/operators/onnx__Min.html
var _ = define(Op{
	Name: "Min", Since: 6,
	Infer: broadcastType,
	Eval:  smallest.eval(),
	// Inputs that tie share the gradient in equal parts, as in PyTorch.
	Grad: shareAmongEqual,
	Cases: `
		smooth [3] 1 5 -1  [] 2  [3] 3 -2 0  ->  [3] 1 -2 -1
		three [3] 1 5 -2  [3] 4 2 nan  [] 3  ->  [3] 1 2 nan
		ints  i64[2] 1 7  i64[2] 5 -3  ->  i64[2] 1 -3`,
})

// smallest keeps the smaller of two operands, or NaN.
var smallest = pairs{
	Float: func(a, b float64) float64 { return min(a, b) },
	Int:   func(a, b int64) int64 { return min(a, b) },
	Uint:  func(a, b uint64) uint64 { return min(a, b) },
}
