package ops

// RandomUniformLike is drawn evenly from [low, high), in the shape of its input. A node with a seed always draws the
// same.
// https://onnx.ai/onnx/operators/onnx__RandomUniformLike.html
var _ = define(noiseLike(Op{
	Name: "RandomUniformLike", Since: 1,
	Cases: `
		narrow low=2.0 high=2.0  [2] 5 6  ->  [2] 2 2
		typed  low=2.0 high=2.0 dtype=10  i64[1] 5  ->  f16[1] 2
		ints   i64[1] 5  ->  error "floating type"`,
}, uniform))
