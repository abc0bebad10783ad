package ops

import "github.com/astronnx/astronnx/graph"

// classic is the standard's domain of classical machine learning.
var classic = NewSet("ai.onnx.ml")

// Binarizer is 1 where its input is above a threshold, else 0.
// https://onnx.ai/onnx/operators/onnx_aionnxml_Binarizer.html
var _ = classic.Define(Op{
	Name: "Binarizer", Since: 1,
	Infer: sameAsFirst,
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		threshold := float64(c.Node.Attrs.Float("threshold", 0))
		above := func(x float64) float64 {
			if x > threshold {
				return 1
			}
			return 0
		}
		return eachReal(above, func(x int64) int64 { return int64(above(float64(x))) })(c)
	},
	NoGrad: "piecewise constant",
	Exact:  Bitwise,
	Cases: `
		zero  [3] -1 0 0.5  ->  [3] 0 0 1
		given threshold=-0.5  i64[3] -1 0 1  ->  i64[3] 0 1 1`,
})
