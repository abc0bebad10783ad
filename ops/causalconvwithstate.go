package ops

import (
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
)

// CausalConvWithState convolves each channel of (N, C, L) with its own kernel, weight (C, 1, K), so that an element
// sees itself and the K-1 before it; those before the first come from past_state (N, C, K-1), or are 0. The second
// output is what follows as past_state.
//
//	CausalConvWithState(input, weight, bias?, past_state?) → output, present_state
//
// activation is none, or silu (swish is another name): x·sigmoid(x).
// https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
var _ = define(Op{
	Name: "CausalConvWithState", Since: 27,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		x, w := c.Type(0), c.Type(1)
		for i, t := range []*graph.Type{x, w} {
			if r := t.Rank(); r >= 0 && r != 3 {
				return nil, fmt.Errorf("input %d is %s, want rank 3", i, t)
			}
		}
		state := x.Clone()
		if state.Rank() == 3 {
			state.Shape[2] = graph.Sym("")
			if w.Rank() == 3 && w.Shape[2].Size > 0 {
				state.Shape[2] = graph.D(w.Shape[2].Size - 1)
			}
		}
		return []*graph.Type{x.Clone(), state}, nil
	},
	Eval: widened(func(c *Call) ([]*graph.Tensor, error) {
		x, w := c.In[0], c.In[1]
		act := c.Node.Attrs.Str("activation", "none")
		if act != "none" && act != "silu" && act != "swish" {
			return nil, fmt.Errorf("activation is %q, want none, silu or swish", act)
		}
		if len(x.Shape) != 3 || len(w.Shape) != 3 || w.Shape[0] != x.Shape[1] || w.Shape[1] != 1 || w.Shape[2] < 1 {
			return nil, fmt.Errorf("input %s and weight %s, want (N, C, L) and (C, 1, K)", x, w)
		}
		n, channels, length, k := x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[2]
		inner := *c
		inner.New = nil
		past := c.Input(3)
		if past == nil {
			var err error
			if past, err = outputOf(&inner, x.DType, []int64{n, channels, k - 1}); err != nil {
				return nil, err
			}
		}
		if len(past.Shape) != 3 || past.Shape[2] != k-1 {
			return nil, fmt.Errorf("past_state is %s, want (N, C, %d)", past, k-1)
		}
		line, err := concat(&inner, []*graph.Tensor{past, x}, 2)
		if err != nil {
			return nil, err
		}
		values, err := float64sOf(line)
		if err != nil {
			return nil, err
		}
		taps, err := float64sOf(w)
		if err != nil {
			return nil, err
		}
		out := make([]float64, n*channels*length)
		if bias := c.Input(2); bias != nil {
			if len(bias.Shape) != 1 || bias.Shape[0] != channels {
				return nil, fmt.Errorf("bias is %s, want %d", bias, channels)
			}
			b, err := float64sOf(bias)
			if err != nil {
				return nil, err
			}
			for i := range out {
				out[i] = b[int64(i)/length%channels]
			}
		}
		for r := range n * channels {
			if err := c.Err(); err != nil {
				return nil, err
			}
			from, kernel := values[r*(length+k-1):], taps[r%channels*k:][:k]
			for i := range length {
				y := &out[r*length+i]
				for j, f := range kernel {
					*y += f * from[i+int64(j)]
				}
				if act != "none" {
					*y /= 1 + math.Exp(-*y)
				}
			}
		}
		y, err := castTensor(graph.FromSlice(out, x.Shape...), x.DType)
		if err != nil {
			return nil, err
		}
		return []*graph.Tensor{y, cut(&inner, line, 2, []int64{length, k - 1})[1]}, nil
	}),
	Expand: func(b *Builder, n *graph.Node) []*graph.Value {
		x, w := n.In[0], n.In[1]
		shape := func(v *graph.Value, from, to int64) *graph.Value {
			return b.Op("Shape", graph.Attrs{"start": from, "end": to}, v)
		}
		past, before := n.Input(3), b.Sub(shape(w, 2, 3), b.Ints(1))
		if past == nil {
			size := b.Op("Concat", graph.Attrs{"axis": 0}, shape(x, 0, 2), before)
			past = b.Op("Expand", nil, b.Like(x, 0), size)
		}
		line := b.Op("Concat", graph.Attrs{"axis": 2}, past, x)
		// The K elements that each one sees, against the kernels as (C, 1, K).
		count := func(v *graph.Value) *graph.Value {
			return b.Op("Range", nil, b.Int(0), b.Op("Squeeze", nil, shape(v, 2, 3), b.Ints(0)), b.Int(1))
		}
		seen := b.Add(b.Op("Unsqueeze", nil, count(x), b.Ints(1)), count(w))
		windows := b.Op("Gather", graph.Attrs{"axis": 2}, line, seen)
		y := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(windows, w), b.Ints(3))
		if bias := n.Input(2); bias != nil {
			y = b.Add(y, b.Op("Unsqueeze", nil, bias, b.Ints(1)))
		}
		if n.Attrs.Str("activation", "none") != "none" {
			y = b.Mul(y, b.Op("Sigmoid", nil, y))
		}
		length := shape(x, 2, 3)
		return []*graph.Value{y, b.Op("Slice", nil, line, length, b.Add(length, before), b.Ints(2))}
	},
	Exact: Rounding,
	Cases: `
		plain [1 1 3] 1 2 3  [1 1 2] 10 1  [1] 0.5  ->  [1 1 3] 1.5 12.5 23.5  [1 1 1] 3
		goes  [1 1 1] 3  [1 1 3] 100 10 1  _  [1 1 2] 1 2  ->  [1 1 1] 123  [1 1 2] 2 3
		silu  activation="silu"  [1 1 1] 1  [1 1 1] 0.5  ->  [1 1 1] 0.31122967  [1 1 0]
		wide  [1 1 1] 1  [2 1 1] 1 1  ->  error "weight"`,
})
