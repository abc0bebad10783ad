package ops

import "github.com/astronnx/astronnx/graph"

// ConstantOfShape fills a shape with the one element of its attribute, by default the float32 0.
// https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
var _ = define(Op{
	Name: "ConstantOfShape", Since: 9,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		t := &graph.Type{DType: graph.Float32}
		if v := c.Node.Attrs.Tensor("value"); v != nil {
			t.DType = v.DType
		}
		if v := c.vector(0); v != nil {
			t.Shape = dimsOf(v)
		}
		return []*graph.Type{t}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		dims, err := int64s(c.In[0])
		if err != nil {
			return nil, err
		}
		v := c.Node.Attrs.Tensor("value")
		if v == nil {
			v = graph.Scalar(float32(0))
		}
		y, err := outputOf(c, v.DType, append([]int64{}, dims...))
		if err != nil {
			return nil, err
		}
		gatherStrided(y, v, make([]int, len(dims)), 0)
		return []*graph.Tensor{y}, nil
	},
	NoGrad: "its input is a shape",
	Exact:  Bitwise,
	Grow:   Fixed,
	Cases: `
		zeros i64[2] 1 2  ->  [1 2] 0 0
		none  i64[1] 0  ->  [0]`,
})
