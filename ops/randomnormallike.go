package ops

// RandomNormalLike is drawn from the normal distribution of a mean and a standard deviation, scale, in the shape of
// its input. A node with a seed always draws the same.
// https://onnx.ai/onnx/operators/onnx__RandomNormalLike.html
var _ = define(noiseLike(Op{
	Name: "RandomNormalLike", Since: 1,
	Cases: `
		narrow mean=2.0 scale=0.0  [2] 5 6  ->  [2] 2 2
		typed  mean=2.0 scale=0.0 dtype=11  i64[1] 5  ->  f64[1] 2`,
}, normal))
