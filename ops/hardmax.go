package ops

// Hardmax is 1 at the first largest element along an axis and 0 elsewhere.
// https://onnx.ai/onnx/operators/onnx__Hardmax.html
var _ = define(Op{
	Name: "Hardmax", Since: 13,
	Infer:  sameOverAxis(-1),
	Eval:   overAxis(hardmax),
	NoGrad: "it is constant between its steps",
	Exact:  Bitwise,
	Cases: `
		ties  [2 3] 3 1 3 0 2 1  ->  [2 3] 1 0 0 0 1 0
		first axis=0  [2 2] 1 2 3 0  ->  [2 2] 0 1 1 0`,
})

// Before opset 13 the largest is that of all axes from the named one on.
var _ = define(Op{
	Name: "Hardmax", Since: 1,
	Infer:  sameOverAxis(1),
	Eval:   overRows(hardmax),
	NoGrad: "it is constant between its steps",
	Exact:  Bitwise,
	Cases: `
		joined [1 2 2] 1 4 3 2  ->  [1 2 2] 0 1 0 0`,
})

func hardmax(line []float64) {
	first := 0
	for i, x := range line {
		if x > line[first] {
			first = i
		}
	}
	clear(line)
	if len(line) > 0 {
		line[first] = 1
	}
}
