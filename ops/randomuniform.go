package ops

// RandomUniform is drawn evenly from [low, high). A node with a seed always draws the same.
// https://onnx.ai/onnx/operators/onnx__RandomUniform.html
var _ = define(noiseOf(Op{
	Name: "RandomUniform", Since: 1,
	Cases: `
		narrow low=2.0 high=2.0 shape=[2,1]  ->  [2 1] 2 2
		wide   low=-1.0 high=-1.0 dtype=11 seed=7.0 shape=[1]  ->  f64[1] -1
		ints   dtype=7 shape=[1]  ->  error "floating type"`,
}, uniform))
