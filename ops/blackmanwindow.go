package ops

// BlackmanWindow is 0.42 - 0.5·cos(2πn/N) + 0.08·cos(4πn/N), with N-1 in place of N where periodic is 0.
// https://onnx.ai/onnx/operators/onnx__BlackmanWindow.html
var _ = define(cosineWindow("BlackmanWindow", `
		periodic  i64[] 4  ->  [4] 0 0.34 1 0.34
		symmetric periodic=0  i64[] 3  ->  [3] 0 1 0`, 0.42, -0.5, 0.08))
