package ops

// RandomNormal is drawn from the normal distribution of a mean and a standard deviation, scale. A node with a seed
// always draws the same.
// https://onnx.ai/onnx/operators/onnx__RandomNormal.html
var _ = define(noiseOf(Op{
	Name: "RandomNormal", Since: 1,
	Cases: `
		narrow mean=2.0 scale=0.0 shape=[2,1]  ->  [2 1] 2 2
		wide   mean=-1.0 scale=0.0 dtype=11 seed=7.0 shape=[1]  ->  f64[1] -1`,
}, normal))
