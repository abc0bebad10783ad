package ops

// Sign is -1, 0 or 1; of NaN NaN.
// https://onnx.ai/onnx/operators/onnx__Sign.html
var _ = define(Op{
	Name: "Sign", Since: 9,
	Infer:  sameAsFirst,
	Eval:   eachReal(sign, func(x int64) int64 { return int64(sign(float64(x))) }),
	NoGrad: "it is constant on both sides of zero",
	Cases: `
		points [3] -1.5 0 2  ->  [3] -1 0 1`,
})

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
