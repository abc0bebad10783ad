package ops

// HammingWindow is 25/46 - 21/46·cos(2πn/N), with N-1 in place of N where periodic is 0.
// https://onnx.ai/onnx/operators/onnx__HammingWindow.html
var _ = define(cosineWindow("HammingWindow", `
		periodic  i64[] 2  ->  [2] 0.08695652173913049 1
		symmetric periodic=0  i64[] 3  ->  [3] 0.08695652173913049 1 0.08695652173913049`, 25.0/46, -21.0/46))
