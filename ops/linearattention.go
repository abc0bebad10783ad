package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// LinearAttention reads, for each token in turn, a state of each key head that the token has updated: y = scale·qᵀS.
//
//	LinearAttention(query, key, value, past_state?, decay?, beta?) → output, present_state
//
// query is (N, T, Hq·Dk), key (N, T, Hk·Dk), value (N, T, Hk·Dv), a state (N, Hk, Dk, Dv). The update_rule is one of
//
//	linear       S ← S + k⊗v
//	gated        S ← exp(decay)·S + k⊗v
//	delta        S ← S + k⊗(beta·(v - Sᵀk))
//	gated_delta  S ← S' + k⊗(beta·(v - S'ᵀk)) with S' = exp(decay)·S
//
// with decay (N, T, Hk) or (N, T, Hk·Dk) and beta (N, T, Hk) or (N, T, 1). A scale of 0 stands for 1/√Dk.
// https://onnx.ai/onnx/operators/onnx__LinearAttention.html
var _ = define(Op{
	Name: "LinearAttention", Since: 27,
	Infer: func(c *Inference) ([]*graph.Type, error) {
		q, v, past := c.Type(0), c.Type(2), c.Type(3)
		heads, groups := c.Node.Attrs.Int("q_num_heads", 0), c.Node.Attrs.Int("kv_num_heads", 0)
		if err := checkHeads(heads, groups); err != nil {
			return nil, err
		}
		y := withoutShape(q.Clone())
		state := past.Clone()
		if state == nil {
			state = y.Clone()
		}
		if q.Rank() == 3 && v.Rank() == 3 {
			width, size, key := graph.Sym(""), graph.Sym(""), graph.Sym("")
			if d := v.Shape[2]; d.Known() {
				width, size = graph.D(d.Size/groups*heads), graph.D(d.Size/groups)
			}
			if d := q.Shape[2]; d.Known() {
				key = graph.D(d.Size / heads)
			}
			y.Shape = []graph.Dim{q.Shape[0], q.Shape[1], width}
			state.Shape = []graph.Dim{q.Shape[0], graph.D(groups), key, size}
		}
		return []*graph.Type{y, state}, nil
	},
	Eval: func(c *Call) ([]*graph.Tensor, error) {
		a, err := linearAttentionOf(c)
		if err != nil {
			return nil, err
		}
		out := make([]float64, a.images*a.tokens*a.heads*a.sizeV)
		err = Parallel(c, a.images*a.groups, 1, func(lo, hi int) error {
			for k := lo; k < hi; k++ {
				if err := a.run(c, out, k/a.groups, k%a.groups); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		q := c.In[0]
		y, err := castTensor(graph.FromSlice(out, q.Shape[0], q.Shape[1], int64(a.heads*a.sizeV)), q.DType)
		if err != nil {
			return nil, err
		}
		stored := q.DType
		if past := c.Input(3); past != nil {
			stored = past.DType
		}
		shape := []int64{q.Shape[0], int64(a.groups), int64(a.sizeK), int64(a.sizeV)}
		state, err := castTensor(graph.FromSlice(a.state, shape...), stored)
		return []*graph.Tensor{y, state}, err
	},
	NoGrad: "it is a recurrence for inference; train the same written with Scan",
	Exact:  Rounding,
	Cases: `
		linear update_rule="linear" q_num_heads=1 kv_num_heads=1 scale=1.0
			[1 2 1] 1 2  [1 2 1] 3 1  [1 2 2] 1 2 3 4  ->  [1 2 2] 3 6 12 20  [1 1 1 2] 6 10
		gated  update_rule="gated" q_num_heads=2 kv_num_heads=1 scale=1.0
			[1 1 2] 1 2  [1 1 1] 3  [1 1 1] 1  [1 1 1 1] 4  [1 1 1] 0.6931472  ->  [1 1 2] 11 22  [1 1 1 1] 11
		delta  q_num_heads=1 kv_num_heads=1 scale=1.0
			[1 1 1] 1  [1 1 1] 2  [1 1 1] 5  [1 1 1 1] 1  [1 1 1] 0  [1 1 1] 0.5  ->  [1 1 1] 4  [1 1 1 1] 4
		rule   update_rule="linear" q_num_heads=1 kv_num_heads=1
			[1 1 1] 1  [1 1 1] 1  [1 1 1] 1  _  [1 1 1] 0  ->  error "decay"`,
})

func checkHeads(heads, groups int64) error {
	if heads <= 0 || groups <= 0 || heads%groups != 0 {
		return fmt.Errorf("%d heads of queries, want a multiple of the %d of keys", heads, groups)
	}
	return nil
}

// linearAttention is a call with its inputs in float64.
type linearAttention struct {
	images, tokens, heads, groups, sizeK, sizeV int
	q, k, v, state, decay, beta                 []float64
	decays, betas                               int // numbers for each token
	scale                                       float64
}

func linearAttentionOf(c *Call) (*linearAttention, error) {
	attrs := c.Node.Attrs
	heads, groups := attrs.Int("q_num_heads", 0), attrs.Int("kv_num_heads", 0)
	if err := checkHeads(heads, groups); err != nil {
		return nil, err
	}
	for i, t := range c.In {
		if t != nil && i != 3 && (len(t.Shape) != 3 || t.Shape[0] != c.In[0].Shape[0] || t.Shape[1] != c.In[0].Shape[1]) {
			return nil, fmt.Errorf("input %d is %s, want (N, T, ...) as %s", i, t, c.In[0])
		}
	}
	q, k, v := c.In[0].Shape, c.In[1].Shape, c.In[2].Shape
	sizeK, sizeV := q[2]/heads, v[2]/groups
	if q[2] != sizeK*heads || k[2] != sizeK*groups || v[2] != sizeV*groups {
		return nil, fmt.Errorf("%s, %s and %s do not make %d heads of queries and %d of keys",
			c.In[0], c.In[1], c.In[2], heads, groups)
	}
	a := &linearAttention{
		images: int(q[0]), tokens: int(q[1]), heads: int(heads), groups: int(groups), sizeK: int(sizeK), sizeV: int(sizeV),
	}
	if a.scale = float64(attrs.Float("scale", 0)); a.scale == 0 {
		a.scale = 1 / math.Sqrt(float64(sizeK))
	}
	inputs := []*[]float64{&a.q, &a.k, &a.v, &a.state, &a.decay, &a.beta}
	for i, t := range c.In {
		if t == nil {
			continue
		}
		var err error
		if *inputs[i], err = float64sOf(t); err != nil {
			return nil, err
		}
	}
	rule := attrs.Str("update_rule", "gated_delta")
	gated, delta := rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	if !gated && !delta && rule != "linear" {
		return nil, fmt.Errorf("update_rule is %q, want linear, gated, delta or gated_delta", rule)
	}
	if gated != (a.decay != nil) || delta != (a.beta != nil) {
		return nil, fmt.Errorf("update_rule %s: decay and beta must be given where it has them and only there", rule)
	}
	if gated {
		if a.decays = int(c.In[4].Shape[2]); a.decays != a.groups && a.decays != a.groups*a.sizeK {
			return nil, fmt.Errorf("decay is %s for %d heads of size %d", c.In[4], groups, sizeK)
		}
	}
	if delta {
		if a.betas = int(c.In[5].Shape[2]); a.betas != a.groups && a.betas != 1 {
			return nil, fmt.Errorf("beta is %s for %d heads", c.In[5], groups)
		}
	}
	size := a.images * a.groups * a.sizeK * a.sizeV
	if past := c.Input(3); past != nil {
		if !slices.Equal(past.Shape, []int64{q[0], groups, sizeK, sizeV}) {
			return nil, fmt.Errorf("past_state is %s, want %v", past, []int64{q[0], groups, sizeK, sizeV})
		}
		a.state = slices.Clone(a.state)
	} else {
		a.state = make([]float64, size)
	}
	return a, nil
}

// run goes through the tokens for one key head of one image.
func (a *linearAttention) run(c *Call, out []float64, image, group int) error {
	dk, dv := a.sizeK, a.sizeV
	state := a.state[(image*a.groups+group)*dk*dv:][:dk*dv]
	change := make([]float64, dv)
	for t := range a.tokens {
		if err := c.Err(); err != nil {
			return err
		}
		token := image*a.tokens + t
		k, v := a.k[(token*a.groups+group)*dk:][:dk], a.v[(token*a.groups+group)*dv:][:dv]
		if a.decay != nil {
			of := a.decay[token*a.decays:][:a.decays]
			for i := range dk {
				g := of[group*a.decays/a.groups+i%(a.decays/a.groups)]
				for j := range dv {
					state[i*dv+j] *= math.Exp(g)
				}
			}
		}
		copy(change, v)
		if a.beta != nil {
			beta := a.beta[token*a.betas+group%a.betas]
			for j := range dv {
				for i := range dk {
					change[j] -= state[i*dv+j] * k[i]
				}
				change[j] *= beta
			}
		}
		for i := range dk {
			for j := range dv {
				state[i*dv+j] += k[i] * change[j]
			}
		}
		each := a.heads / a.groups
		for h := group * each; h < (group+1)*each; h++ {
			q, y := a.q[(token*a.heads+h)*dk:][:dk], out[(token*a.heads+h)*dv:][:dv]
			for i := range dk {
				for j := range dv {
					y[j] += a.scale * q[i] * state[i*dv+j]
				}
			}
		}
	}
	return nil
}
