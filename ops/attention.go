package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// Attention is softmax(scale·Q·Kᵀ + bias)·V for each head, of inputs (N, heads, length, size) or (N, length,
// heads·size).
//
//	Attention(Q, K, V, attn_mask?, past_key?, past_value?, nonpad_kv_seqlen?)
//	→ Y, present_key, present_value, qk_matmul_output
//
// The bias is attn_mask, whose last axis may be short, and -∞ where a key may not be seen: after the query with
// is_causal, outside the window, or beyond nonpad_kv_seqlen. A query that may see no key gives 0. Query i stands at the
// place of key i + offset, where offset is the length of past_key or nonpad_kv_seqlen less the number of queries.
// Scores pass through softcap·tanh(·/softcap) before the bias.
// https://onnx.ai/onnx/operators/onnx__Attention.html
var _ = define(Op{
	Name: "Attention", Since: 23,
	Infer:  inferAttention,
	Eval:   widened(evalAttention),
	Expand: expandAttention,
	Exact:  Rounding,
	Cases: `
		one    scale=1.0  [1 1 1 2] 1 0  [1 1 2 2] 0 0 0.6931472 5  [1 1 2 1] 3 6  ->  [1 1 1 1] 5
		causal is_causal=1 scale=1.0  [1 1 2 1] 0 0  [1 1 2 1] 1 2  [1 1 2 1] 3 5  ->  [1 1 2 1] 3 4
		mask   scale=1.0  [1 1 2 1] 0 0  [1 1 2 1] 1 2  [1 1 2 1] 3 5  bool[2 2] 0 1 0 0  ->  [1 1 2 1] 5 0
		group  q_num_heads=2 kv_num_heads=1 scale=1.0  [1 1 2] 0 0.6931472  [1 2 1] 0 1  [1 2 1] 3 6  ->  [1 1 2] 4.5 5
		odd    q_num_heads=3 kv_num_heads=1  [1 1 2] 0 0  [1 2 1] 0 1  [1 2 1] 3 6  ->  error "3 heads"`,
})

// Inputs of Attention.
const (
	attQ = iota
	attK
	attV
	attMask
	attPastKey
	attPastValue
	attNonpad
)

func inferAttention(c *Inference) ([]*graph.Type, error) {
	q, k, v := c.Type(attQ), c.Type(attK), c.Type(attV)
	y := withoutShape(q.Clone())
	out := []*graph.Type{y, withoutShape(k.Clone()), withoutShape(v.Clone()), withoutShape(q.Clone())}
	if q.Rank() < 0 || k.Rank() < 0 || v.Rank() < 0 {
		return out, nil
	}
	for i, t := range []*graph.Type{q, k, v} {
		if r := t.Rank(); r != q.Rank() || r != 3 && r != 4 {
			return nil, fmt.Errorf("input %d is %s, want all of rank 3 or all of rank 4", i, t)
		}
	}
	a := c.Node.Attrs
	cut := func(t *graph.Type, heads int64) []graph.Dim {
		if t.Rank() == 4 {
			return t.Shape
		}
		size := graph.Sym("")
		if t.Shape[2].Known() && heads > 0 {
			size = graph.D(t.Shape[2].Size / heads)
		}
		return []graph.Dim{t.Shape[0], graph.D(heads), t.Shape[1], size}
	}
	qs, ks, vs := cut(q, a.Int("q_num_heads", 0)), cut(k, a.Int("kv_num_heads", 0)), cut(v, a.Int("kv_num_heads", 0))
	total := ks[2]
	if c.Has(attPastKey) {
		past := c.Type(attPastKey)
		if past.Rank() == 4 && past.Shape[2].Known() && total.Known() {
			total = graph.D(total.Size + past.Shape[2].Size)
		} else {
			total = graph.Sym("")
		}
	}
	if q.Rank() == 4 {
		y.Shape = []graph.Dim{qs[0], qs[1], qs[2], vs[3]}
	} else {
		width := graph.Sym("")
		if vs[3].Known() {
			width = graph.D(vs[3].Size * qs[1].Size)
		}
		y.Shape = []graph.Dim{qs[0], qs[2], width}
	}
	out[1].Shape = []graph.Dim{ks[0], ks[1], total, ks[3]}
	out[2].Shape = []graph.Dim{vs[0], vs[1], total, vs[3]}
	out[3].Shape = []graph.Dim{qs[0], qs[1], qs[2], total}
	return out, nil
}

func evalAttention(c *Call) ([]*graph.Tensor, error) {
	a := c.Node.Attrs
	q, err := splitHeads(c.In[attQ], a.Int("q_num_heads", 0))
	if err != nil {
		return nil, fmt.Errorf("queries: %w", err)
	}
	k, err := withPast(c, attK, attPastKey)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	v, err := withPast(c, attV, attPastValue)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	if k.Shape[2] != v.Shape[2] || q.DType != v.DType {
		return nil, fmt.Errorf("keys %s and values %s for queries %s", k, v, q)
	}
	scores, err := headScores(c, q, k, float64(a.Float("scale", 0)))
	if err != nil {
		return nil, err
	}
	bias, err := attentionBiasOf(c, scores.Shape)
	if err != nil {
		return nil, err
	}
	shown := scores.Clone()
	if err := bias.apply(c, scores, shown); err != nil {
		return nil, err
	}
	y, err := headProduct(c, scores, v)
	if err != nil {
		return nil, err
	}
	if len(c.In[attQ].Shape) == 3 {
		y = joinHeads(y)
	}
	return []*graph.Tensor{y, k, v, shown}, nil
}

// withPast is an input by heads, after those of the past.
func withPast(c *Call, input, past int) (*graph.Tensor, error) {
	x, err := splitHeads(c.In[input], c.Node.Attrs.Int("kv_num_heads", 0))
	if err != nil || c.Input(past) == nil {
		return x, err
	}
	inner := *c
	inner.New = nil
	return concat(&inner, []*graph.Tensor{c.In[past], x}, 2)
}

// attentionBias says what is added to the score of query i and key j.
type attentionBias struct {
	mask        []float64
	strides     []int // of mask, by image, head, query and key
	width       int   // keys that mask covers
	offset      []int64
	length      []int64 // keys that there are in each image; nil: all
	causal      bool
	left, right int64 // -1: no bound
	softcap     float64
	mode        int64
}

func attentionBiasOf(c *Call, scores []int64) (*attentionBias, error) {
	a := c.Node.Attrs
	b := &attentionBias{
		offset: make([]int64, scores[0]), causal: a.Bool("is_causal", false), left: a.Int("left_window_size", -1),
		right: a.Int("right_window_size", -1), softcap: float64(a.Float("softcap", 0)),
		mode: a.Int("qk_matmul_output_mode", 0),
	}
	if past := c.Input(attPastKey); past != nil {
		for n := range b.offset {
			b.offset[n] = past.Shape[2]
		}
	}
	if t := c.Input(attNonpad); t != nil {
		var err error
		if b.length, err = int64s(t); err != nil || len(t.Shape) != 1 || t.Shape[0] != scores[0] {
			return nil, fmt.Errorf("nonpad_kv_seqlen is %s, want int64 for each of %d images", t, scores[0])
		}
		for n := range b.offset {
			if c.Input(attPastKey) == nil {
				b.offset[n] = b.length[n] - scores[2]
			}
		}
	}
	m := c.Input(attMask)
	if m == nil {
		return b, nil
	}
	if len(m.Shape) == 0 {
		m = withShape(m, []int64{1})
	}
	width := m.Shape[len(m.Shape)-1]
	want := []int64{scores[0], scores[1], scores[2], width}
	if shape, err := BroadcastShape(m.Shape, want); err != nil || !slices.Equal(shape, want) || width > scores[3] {
		return nil, fmt.Errorf("attn_mask is %s for scores of shape %v", m, scores)
	}
	values, err := castTensor(m, graph.Float64)
	if err != nil {
		return nil, err
	}
	b.mask, b.strides, b.width = graph.Data[float64](values), broadcastStrides(m.Shape, want), int(width)
	if m.DType == graph.Bool {
		for i, v := range b.mask {
			b.mask[i] = 0
			if v == 0 {
				b.mask[i] = math.Inf(-1)
			}
		}
	}
	return b, nil
}

// at is the bias of a key for a query.
func (b *attentionBias) at(n, h, i, j int) float64 {
	key, place := int64(j), b.offset[n]+int64(i)
	if b.causal && key > place || b.left >= 0 && key < place-b.left || b.right >= 0 && key > place+b.right ||
		b.length != nil && key >= b.length[n] || b.mask != nil && j >= b.width {
		return math.Inf(-1)
	}
	if b.mask == nil {
		return 0
	}
	return b.mask[n*b.strides[0]+h*b.strides[1]+i*b.strides[2]+j*b.strides[3]]
}

// apply turns scores into weights, and shown, a copy of them, into what the last output shows.
func (b *attentionBias) apply(c *Call, scores, shown *graph.Tensor) error {
	switch scores.DType {
	case graph.Float32:
		return biasAs[float32](c, b, scores, shown)
	case graph.Float64:
		return biasAs[float64](c, b, scores, shown)
	}
	return unsupported(c, scores.DType)
}

func biasAs[T float32 | float64](c *Call, b *attentionBias, scores, shown *graph.Tensor) error {
	weights, show := graph.Data[T](scores), graph.Data[T](shown)
	heads, queries, keys := int(scores.Shape[1]), int(scores.Shape[2]), int(scores.Shape[3])
	return Parallel(c, int(scores.Shape[0])*heads*queries, 1+1<<12/max(1, keys), func(lo, hi int) error {
		line := make([]float64, keys)
		for r := lo; r < hi; r++ {
			seen := false
			for j := range line {
				x := float64(weights[r*keys+j])
				if b.softcap > 0 {
					x = b.softcap * math.Tanh(x/b.softcap)
				}
				if b.mode == 1 {
					show[r*keys+j] = T(x)
				}
				bias := b.at(r/queries/heads, r/queries%heads, r%queries, j)
				seen = seen || !math.IsInf(bias, -1)
				line[j] = x + bias
				if b.mode == 2 {
					show[r*keys+j] = T(line[j])
				}
			}
			if seen {
				softmax(line)
			} else {
				clear(line)
			}
			for j, w := range line {
				weights[r*keys+j] = T(w)
				if b.mode == 3 {
					show[r*keys+j] = T(w)
				}
			}
		}
		return nil
	})
}

func expandAttention(b *Builder, n *graph.Node) []*graph.Value {
	a := n.Attrs
	q, k, v := n.In[attQ], n.In[attK], n.In[attV]
	flat := q.Type.Rank() == 3 || q.Type.Rank() < 0 && a.Has("q_num_heads")
	if flat {
		q = splitHeadsOf(b, q, a.Int("q_num_heads", 0))
		k, v = splitHeadsOf(b, k, a.Int("kv_num_heads", 0)), splitHeadsOf(b, v, a.Int("kv_num_heads", 0))
	}
	if past := n.Input(attPastKey); past != nil {
		k = b.Op("Concat", graph.Attrs{"axis": 2}, past, k)
		v = b.Op("Concat", graph.Attrs{"axis": 2}, n.Input(attPastValue), v)
	}
	scores := headScoresOf(b, q, repeatHeads(b, k, q), float64(a.Float("scale", 0)))
	shown := [4]*graph.Value{scores}
	if cap := float64(a.Float("softcap", 0)); cap > 0 {
		limit := b.Like(scores, cap)
		scores = b.Mul(b.Op("Tanh", nil, b.Div(scores, limit)), limit)
	}
	shown[1] = scores
	precision := graph.DType(a.Int("softmax_precision", 0))
	wide := func(x *graph.Value) *graph.Value {
		if precision == 0 {
			return x
		}
		return b.Op("Cast", graph.Attrs{"to": precision}, x)
	}
	weights, biased := (*graph.Value)(nil), scores
	if bias := attentionBiasNodes(b, n, q, k, scores); bias != nil {
		biased = b.Add(scores, bias)
		// A row without a key is spared the softmax of nothing.
		highest := b.Op("ReduceMax", graph.Attrs{"keepdims": 1}, bias, b.Ints(-1))
		unseen := b.Op("Equal", nil, highest, b.Like(bias, math.Inf(-1)))
		zero := b.Like(scores, 0)
		soft := b.Op("Softmax", graph.Attrs{"axis": -1}, wide(b.Where(unseen, scores, biased)))
		weights = b.Where(unseen, zero, b.CastLike(soft, scores))
	} else {
		weights = b.CastLike(b.Op("Softmax", graph.Attrs{"axis": -1}, wide(scores)), scores)
	}
	shown[2], shown[3] = biased, weights
	y := b.Op("MatMul", nil, weights, repeatHeads(b, v, q))
	if flat {
		y = joinHeadsOf(b, y)
	}
	return []*graph.Value{y, k, v, shown[a.Int("qk_matmul_output_mode", 0)&3]}
}

// attentionBiasNodes is attentionBias as nodes: what is added to the scores, nil for nothing.
func attentionBiasNodes(b *Builder, n *graph.Node, q, k, scores *graph.Value) *graph.Value {
	a := n.Attrs
	length := func(v *graph.Value) *graph.Value { return b.Op("Shape", graph.Attrs{"start": 2, "end": 3}, v) }
	count := func(v *graph.Value) *graph.Value {
		return b.Op("Range", nil, b.Int(0), b.Op("Squeeze", nil, length(v), b.Ints(0)), b.Int(1))
	}
	keys := count(k)
	column := func(v *graph.Value) *graph.Value { return b.Op("Unsqueeze", nil, v, b.Ints(1, 2, 3)) }
	places := b.Op("Unsqueeze", nil, count(q), b.Ints(1))
	nonpad := n.Input(attNonpad)
	switch past := n.Input(attPastKey); {
	case past != nil:
		places = b.Add(places, length(past))
	case nonpad != nil:
		places = b.Add(places, column(b.Sub(nonpad, length(q))))
	}
	zero, never := b.Like(scores, 0), b.Like(scores, math.Inf(-1))
	var bias *graph.Value
	add := func(x *graph.Value) {
		if bias == nil {
			bias = x
		} else {
			bias = b.Add(bias, x)
		}
	}
	if m := n.Input(attMask); m != nil {
		missing := b.Sub(length(k), b.Op("Shape", graph.Attrs{"start": -1}, m))
		if m.Type != nil && m.Type.DType == graph.Bool {
			m = b.Where(m, zero, never)
		}
		pads := b.Op("Concat", graph.Attrs{"axis": 0}, b.Ints(0), missing)
		add(b.Op("Pad", nil, b.CastLike(m, scores), pads, never, b.Ints(-1)))
	}
	allow := func(cond *graph.Value) { add(b.Where(cond, zero, never)) }
	if a.Bool("is_causal", false) {
		allow(b.Op("LessOrEqual", nil, keys, places))
	}
	if left := a.Int("left_window_size", -1); left >= 0 {
		allow(b.Op("GreaterOrEqual", nil, keys, b.Sub(places, b.Int(left))))
	}
	if right := a.Int("right_window_size", -1); right >= 0 {
		allow(b.Op("LessOrEqual", nil, keys, b.Add(places, b.Int(right))))
	}
	if nonpad != nil {
		allow(b.Op("Less", nil, keys, column(nonpad)))
	}
	return bias
}
