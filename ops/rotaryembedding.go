package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// RotaryEmbedding turns pairs of elements of each head, of (N, heads, length, size) or (N, length, heads·size), by the
// angles of their places. A pair is an element of the first half and its counterpart in the second or, interleaved, two
// neighbours; only the first rotary_embedding_dim elements turn, 0 meaning all. The cosines and sines are (N, length,
// pairs), or (places, pairs) next to position_ids (N, length).
// https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
var _ = define(Op{
	Name: "RotaryEmbedding", Since: 23,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		if r := c.Type(0).Rank(); r >= 0 && r != 3 && r != 4 {
			return nil, fmt.Errorf("the input is %s, want rank 3 or 4", c.Type(0))
		}
		return sameAsFirst(c)
	},
	Eval:   widened(evalRotary),
	Expand: expandRotary,
	Exact:  Rounding,
	Cases: `
		halves [1 1 1 4] 1 2 3 4  [1 1 2] 0 1  [1 1 2] 1 0  ->  [1 1 1 4] -3 2 1 4
		near   interleaved=1  [1 1 1 4] 1 2 3 4  [1 1 2] 0 1  [1 1 2] 1 0  ->  [1 1 1 4] -2 1 3 4
		part   num_heads=2 rotary_embedding_dim=2  [1 1 6] 1 2 3 4 5 6  [2 1] 1 0  [2 1] 0 1  i64[1 1] 1
			->  [1 1 6] -2 1 3 -5 4 6
		far    num_heads=1  [1 1 2] 1 2  [2 1] 1 0  [2 1] 0 1  i64[1 1] 2  ->  error "index 2"`,
})

func evalRotary(c *Call) ([]*graph.Tensor, error) {
	x, err := splitHeads(c.In[0], c.Node.Attrs.Int("num_heads", 0))
	if err != nil {
		return nil, err
	}
	images, heads, length, size := int(x.Shape[0]), int(x.Shape[1]), int(x.Shape[2]), int(x.Shape[3])
	turning := int(c.Node.Attrs.Int("rotary_embedding_dim", 0))
	if turning == 0 {
		turning = size
	}
	if turning < 0 || turning > size || turning%2 != 0 {
		return nil, fmt.Errorf("%d of %d elements turn, want an even number", turning, size)
	}
	var angles [2][]float64
	for i := range angles {
		if angles[i], err = rotaryAngles(c, 1+i, images, length, turning/2); err != nil {
			return nil, err
		}
	}
	values, err := float64sOf(x)
	if err != nil {
		return nil, err
	}
	values = append([]float64{}, values...)
	step, between := 1, turning/2
	if c.Node.Attrs.Bool("interleaved", false) {
		step, between = 2, 1
	}
	for r := range images * heads * length {
		if err := c.Err(); err != nil {
			return nil, err
		}
		place := r/length/heads*length + r%length
		for k := range turning / 2 {
			cos, sin := angles[0][place*turning/2+k], angles[1][place*turning/2+k]
			i := r*size + k*step
			a, b := values[i], values[i+between]
			values[i], values[i+between] = cos*a-sin*b, sin*a+cos*b
		}
	}
	y, err := castTensor(graph.FromSlice(values, x.Shape...), x.DType)
	if err != nil {
		return nil, err
	}
	if len(c.In[0].Shape) == 3 {
		y = joinHeads(y)
	}
	return []*graph.Tensor{y}, nil
}

// rotaryAngles reads cosines or sines as (images, length, pairs).
func rotaryAngles(c *Call, input, images, length, pairs int) ([]float64, error) {
	t := c.In[input]
	all, err := float64sOf(t)
	if err != nil {
		return nil, err
	}
	places := c.Input(3)
	if places == nil {
		if len(t.Shape) != 3 || t.Shape[0] != int64(images) || t.Shape[1] != int64(length) || t.Shape[2] != int64(pairs) {
			return nil, fmt.Errorf("input %d is %s, want %v", input, t, []int{images, length, pairs})
		}
		return all, nil
	}
	if len(t.Shape) != 2 || t.Shape[1] != int64(pairs) || places.Len() != int64(images*length) {
		return nil, fmt.Errorf("input %d is %s at places %s, want %d pairs of elements at %d × %d places",
			input, t, places, pairs, images, length)
	}
	index, err := indices(places, t.Shape[0])
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, images*length*pairs)
	for _, i := range index {
		out = append(out, all[int(i)*pairs:(int(i)+1)*pairs]...)
	}
	return out, nil
}

func expandRotary(b *Builder, n *graph.Node) []*graph.Value {
	x, heads := n.In[0], n.Attrs.Int("num_heads", 0)
	flat := x.Type.Rank() == 3 || x.Type.Rank() < 0 && heads > 0
	if flat {
		x = splitHeadsOf(b, x, heads)
	}
	angle := func(v *graph.Value) *graph.Value {
		if places := n.Input(3); places != nil {
			v = b.Op("Gather", nil, v, places)
		}
		return b.Op("Unsqueeze", nil, v, b.Ints(1))
	}
	cos, sin := angle(n.In[1]), angle(n.In[2])
	pairs := b.Op("Shape", graph.Attrs{"start": -1}, cos)
	turning := b.Add(pairs, pairs)
	cut := func(v, from, to, step *graph.Value) *graph.Value {
		return b.Op("Slice", nil, v, from, to, b.Ints(3), step)
	}
	zero, one, two := b.Ints(0), b.Ints(1), b.Ints(2)
	interleaved := n.Attrs.Bool("interleaved", false)
	var first, second *graph.Value
	if interleaved {
		first, second = cut(x, zero, turning, two), cut(x, one, turning, two)
	} else {
		first, second = cut(x, zero, pairs, one), cut(x, pairs, turning, one)
	}
	a := b.Sub(b.Mul(cos, first), b.Mul(sin, second))
	c := b.Add(b.Mul(sin, first), b.Mul(cos, second))
	var turned *graph.Value
	if interleaved {
		last := b.Ints(-1)
		both := b.Op("Concat", graph.Attrs{"axis": -1}, b.Op("Unsqueeze", nil, a, last), b.Op("Unsqueeze", nil, c, last))
		turned = b.Reshape(both, 0, 0, 0, -1)
	} else {
		turned = b.Op("Concat", graph.Attrs{"axis": -1}, a, c)
	}
	rest := cut(x, turning, b.Op("Shape", graph.Attrs{"start": 3, "end": 4}, x), one)
	y := b.Op("Concat", graph.Attrs{"axis": -1}, turned, rest)
	if flat {
		y = joinHeadsOf(b, y)
	}
	return []*graph.Value{y}
}
