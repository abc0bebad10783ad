package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// Scan runs its body over slices of the scan inputs, carrying states along, and stacks the body's further outputs.
// https://onnx.ai/onnx/operators/onnx__Scan.html
var _ = define(Op{
	Name: "Scan", Since: 9,
	Infer:  inferScan,
	Eval:   func(c *Call) ([]*graph.Tensor, error) { return scan(c, c.In) },
	NoGrad: "unroll it to differentiate",
	Grow:   Fixed,
	Cases: `
		sum num_scan_inputs=1 body={a x -> b y: b = Add(a, x); y = Identity(b)}  [] 10  [3] 1 2 3  ->  [] 16  [3] 11 13 16`,
})

// In opset 8 there is a batch axis and a sequence length, which is refused here unless absent.
var _ = define(Op{
	Name: "Scan", Since: 8,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		out := make([]*graph.Type, len(c.Node.Out))
		for i := range out {
			out[i] = looseType(c.Type(i + 1))
		}
		return out, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		if c.Input(0) != nil {
			return nil, fmt.Errorf("sequence lengths are not taken")
		}
		batch := c.In[1].Shape[0]
		var all [][]*graph.Tensor
		for b := range batch {
			in := make([]*graph.Tensor, len(c.In)-1)
			for i, t := range c.In[1:] {
				if len(t.Shape) == 0 || t.Shape[0] != batch {
					return nil, fmt.Errorf("input %d is %s, want a batch of %d", i+1, t, batch)
				}
				in[i] = takeSlice(c, t, 0, b)
			}
			out, err := scan(c, in)
			if err != nil {
				return nil, err
			}
			all = append(all, out)
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("the batch is empty")
		}
		out := make([]*graph.Tensor, len(all[0]))
		for i := range out {
			parts := make([]*graph.Tensor, len(all))
			for b := range all {
				parts[b] = all[b][i]
			}
			var err error
			if out[i], err = stack(c, parts, nil); err != nil {
				return nil, err
			}
		}
		return out, nil
	},
	NoGrad: "unroll it to differentiate",
	Grow:   Fixed,
	Cases: `
		batch num_scan_inputs=1 body={a x -> b y: b = Add(a, x); y = Identity(b)}  _  [2] 10 20  [2 2] 1 2 3 4
			->  [2] 13 27  [2 2] 11 13 23 27`,
})

// inferScan types the states loosely, for they may change from step to step, and stacks the other outputs of the body.
func inferScan(c *Inference) ([]*graph.Type, error) {
	attrs := c.Node.Attrs
	body, n := attrs.Graph("body"), int(attrs.Int("num_scan_inputs", 0))
	out := make([]*graph.Type, len(c.Node.Out))
	states := len(c.In) - n
	if c.Sub == nil || body == nil || states < 0 {
		return out, nil
	}
	in := make([]*graph.Type, len(c.In))
	steps := graph.Sym("")
	for i, t := range c.In {
		if in[i] = looseType(t); i >= states && t.Rank() > 0 {
			axis, err := axisOf(at(attrs.Ints("scan_input_axes", nil), i-states), t.Rank())
			if err != nil {
				return nil, err
			}
			drop := make([]bool, t.Rank())
			drop[axis] = true
			in[i].Shape, steps = removeAxes(t.Shape, drop), t.Shape[axis]
		}
	}
	types, err := c.Sub(body, in)
	if err != nil {
		return nil, err
	}
	for i := range min(len(out), len(types)) {
		t := types[i].Clone()
		if i < states {
			t = looseType(t)
		} else if t.Rank() >= 0 {
			axis := at(attrs.Ints("scan_output_axes", nil), i-states)
			if t.Shape, err = insertAxes(t.Shape, []int64{axis}, steps); err != nil {
				return nil, err
			}
		}
		out[i] = t
	}
	return out, nil
}

func scan(c *Call, in []*graph.Tensor) ([]*graph.Tensor, error) {
	attrs := c.Node.Attrs
	body, n := attrs.Graph("body"), int(attrs.Int("num_scan_inputs", 0))
	if body == nil || n < 1 || n > len(in) || len(body.Inputs) != len(in) || len(body.Outputs) < len(in)-n {
		return nil, fmt.Errorf("%d scan inputs of %d inputs, with a body that does not fit", n, len(in))
	}
	states := append([]*graph.Tensor{}, in[:len(in)-n]...)
	sequences := in[len(in)-n:]
	axes, back := make([]int, n), make([]bool, n)
	steps := int64(-1)
	for i, s := range sequences {
		axis, err := axisOf(at(attrs.Ints("scan_input_axes", attrs.Ints("axes", nil)), i), len(s.Shape))
		if err != nil {
			return nil, err
		}
		axes[i] = axis
		back[i] = at(attrs.Ints("scan_input_directions", attrs.Ints("directions", nil)), i) != 0
		if steps >= 0 && s.Shape[axis] != steps {
			return nil, fmt.Errorf("scan inputs have %d and %d steps", steps, s.Shape[axis])
		}
		steps = s.Shape[axis]
	}
	outputs := make([][]*graph.Tensor, len(body.Outputs)-len(states))
	for t := range steps {
		if err := c.Err(); err != nil {
			return nil, err
		}
		args := append([]*graph.Tensor{}, states...)
		for i, s := range sequences {
			step := t
			if back[i] {
				step = steps - 1 - t
			}
			args = append(args, takeSlice(c, s, axes[i], step))
		}
		out, err := c.Sub(body, args)
		if err != nil {
			return nil, err
		}
		copy(states, out)
		for k := range outputs {
			outputs[k] = append(outputs[k], out[len(states)+k])
		}
	}
	for k, parts := range outputs {
		if at(attrs.Ints("scan_output_directions", nil), k) != 0 {
			for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
				parts[i], parts[j] = parts[j], parts[i]
			}
		}
		y, err := stackAlong(c, parts, body.Outputs[len(states)+k].Type, at(attrs.Ints("scan_output_axes", nil), k))
		if err != nil {
			return nil, err
		}
		states = append(states, y)
	}
	return states, nil
}

// at returns list[i], 0 beyond its end.
func at(list []int64, i int) int64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// takeSlice returns x at one position of an axis, without that axis.
func takeSlice(c *Call, x *graph.Tensor, axis int, i int64) *graph.Tensor {
	strides := Strides(x.Shape)
	drop := make([]bool, len(x.Shape))
	drop[axis] = true
	y := c.Output(x.DType, removeAxes(x.Shape, drop)...)
	gatherStrided(y, x, removeAxes(strides, drop), int(i)*strides[axis])
	return y
}

// stackAlong joins equal tensors along a new axis.
func stackAlong(c *Call, parts []*graph.Tensor, declared *graph.Type, axis int64) (*graph.Tensor, error) {
	if axis == 0 || len(parts) == 0 {
		return stack(c, parts, declared)
	}
	rows := make([]*graph.Tensor, len(parts))
	for i, p := range parts {
		shape, err := insertAxes(p.Shape, []int64{axis}, 1)
		if err != nil {
			return nil, err
		}
		rows[i] = withShape(p, shape)
	}
	return concat(c, rows, axis)
}
