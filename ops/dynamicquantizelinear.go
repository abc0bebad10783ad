package ops

import "github.com/astronnx/astronnx/graph"

// DynamicQuantizeLinear quantizes to uint8 by the range of the data, widened to hold 0. It returns the values, the
// scale and the zero point.
// https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
var _ = define(Op{
	Name: "DynamicQuantizeLinear", Since: 11,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		y := &graph.Type{}
		if x := c.Type(0); x != nil {
			y = x.Clone()
		}
		y.DType = graph.Uint8
		zero := graph.TensorType(graph.Uint8)
		zero.Shape = []graph.Dim{}
		scale := zero.Clone()
		scale.DType = graph.Float32
		return []*graph.Type{y, scale, zero}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		if c.In[0].DType != graph.Float32 {
			return nil, unsupported(c, c.In[0].DType)
		}
		x := graph.Data[float32](c.In[0])
		var low, high float32
		for _, v := range x {
			low, high = min(low, v), max(high, v)
		}
		scale := (high - low) / 255
		if high == low {
			scale = 1.0 / 255
		}
		zero := c.Output(graph.Uint8)
		none := func(int) float64 { return 0 }
		if err := storeRounded(zero, func(int) float64 { return float64(-low / scale) }, none); err != nil {
			return nil, err
		}
		shift := float64(zero.Raw[0])
		y := c.Output(graph.Uint8, c.In[0].Shape...)
		err := storeRounded(y, func(i int) float64 { return float64(x[i] / scale) }, func(int) float64 { return shift })
		return []*graph.Tensor{y, graph.Scalar(scale), zero}, err
	},
	NoGrad: "its result is rounded",
	Exact:  Bitwise,
	Cases: `
		both     [6] 0 2 -3 -2.5 1.34 0.5  ->  u8[6] 153 255 0 26 221 179  [] 0.019607844  u8[] 153
		positive [2] 1 2  ->  u8[2] 127 255  [] 0.007843138  u8[] 0
		nothing  [1] 0  ->  u8[1] 0  [] 0.003921569  u8[] 0`,
})
