package ops

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
)

// unrolled writes a recurrent operator as one copy of its cell for each step, which gradients go through. The number of steps, the
// hidden size and the batch must be known, and sequences may not differ in length.
type unrolled struct {
	*Builder
	n     *graph.Node
	gates int
	// of one direction
	w, r, bw, br, p *graph.Value
}

// stepCell returns the next h and c from the input row x (N, input).
type stepCell func(u *unrolled, acts []bound, x, h, c *graph.Value) (h2, c2 *graph.Value)

func unroll(b *Builder, n *graph.Node, gates int, step stepCell, defaults ...string) []*graph.Value {
	x, weights := n.In[0].Type.Sizes(), n.In[2].Type.Sizes()
	if x == nil || weights == nil || n.Input(4) != nil {
		panic(fmt.Sprintf("ops: unrolling %s needs the number of steps in X and the sizes of R, and no sequence_lens", n.Op))
	}
	dirs, batchFirst := directionsOf(n), n.Attrs.Int("layout", 0) == 1
	acts, err := activationsOf(n, len(dirs), defaults...)
	if err != nil {
		panic(err)
	}
	stepAxis := int64(0)
	if batchFirst {
		stepAxis = 1
	}
	steps, hidden := x[stepAxis], weights[2]
	if steps < 1 || hidden < 0 {
		panic(fmt.Sprintf("ops: unrolling %s needs the number of steps in X and the sizes of R, and no sequence_lens", n.Op))
	}
	u := &unrolled{Builder: b, n: n, gates: gates}
	rows := b.OpN(int(steps), "Split", graph.Attrs{"axis": stepAxis, "num_outputs": steps}, n.In[0])
	for i, r := range rows {
		rows[i] = b.Op("Squeeze", nil, r, b.Ints(stepAxis))
	}
	var ys, hs, cs []*graph.Value
	for dir, backwards := range dirs {
		u.direction(dir, hidden)
		h, c := u.state(5, dir, hidden, stepAxis), u.state(6, dir, hidden, stepAxis)
		of := acts[dir*len(defaults):][:len(defaults)]
		line := make([]*graph.Value, steps)
		for k := range steps {
			t := k
			if backwards {
				t = steps - 1 - k
			}
			h, c = step(u, of, rows[t], h, c)
			line[t] = b.Op("Unsqueeze", nil, h, b.Ints(stepAxis))
		}
		// Y is (T, D, N, hidden), or (N, T, D, hidden) with the batch first; a line is (T, N, hidden) or (N, T, hidden).
		dirAxis := int64(1)
		if batchFirst {
			dirAxis = 2
		}
		ys = append(ys, b.Op("Unsqueeze", nil, b.Op("Concat", graph.Attrs{"axis": stepAxis}, line...), b.Ints(dirAxis)))
		hs = append(hs, b.Op("Unsqueeze", nil, h, b.Ints(stepAxis)))
		if gates == 4 {
			cs = append(cs, b.Op("Unsqueeze", nil, c, b.Ints(stepAxis)))
		}
	}
	dirAxis := int64(1)
	if batchFirst {
		dirAxis = 2
	}
	out := []*graph.Value{b.Op("Concat", graph.Attrs{"axis": dirAxis}, ys...), b.Op("Concat", graph.Attrs{"axis": stepAxis}, hs...)}
	if gates == 4 {
		out = append(out, b.Op("Concat", graph.Attrs{"axis": stepAxis}, cs...))
	}
	return out[:min(len(out), len(n.Out))]
}

// part returns input i of one direction, without the axis of directions; nil if the input is absent.
func (u *unrolled) part(i, dir int, axis int64) *graph.Value {
	if u.n.Input(i) == nil {
		return nil
	}
	d := int64(dir)
	cut := u.Op("Slice", nil, u.n.In[i], u.Ints(d), u.Ints(d+1), u.Ints(axis))
	return u.Op("Squeeze", nil, cut, u.Ints(axis))
}

func (u *unrolled) direction(dir int, hidden int64) {
	u.w, u.r = u.Transpose(u.part(1, dir, 0), 1, 0), u.Transpose(u.part(2, dir, 0), 1, 0)
	u.bw, u.br, u.p = nil, nil, u.part(7, dir, 0)
	if bias := u.part(3, dir, 0); bias != nil {
		n := int64(u.gates) * hidden
		u.bw, u.br = u.span(bias, 0, n), u.span(bias, n, 2*n)
	}
}

// state is the initial state (N, hidden) of one direction: input i, whose directions are where X has its steps, or zeros.
func (u *unrolled) state(i, dir int, hidden, stepAxis int64) *graph.Value {
	if v := u.part(i, dir, stepAxis); v != nil {
		return v
	}
	batch := u.Op("Shape", graph.Attrs{"start": 1 - stepAxis, "end": 2 - stepAxis}, u.n.In[0])
	shape := u.Op("Concat", graph.Attrs{"axis": 0}, batch, u.Ints(hidden))
	return u.Op("Expand", nil, u.Like(u.n.In[0], 0), shape)
}

// span is elements lo to hi of the last axis.
func (u *unrolled) span(v *graph.Value, lo, hi int64) *graph.Value {
	return u.Op("Slice", nil, v, u.Ints(lo), u.Ints(hi), u.Ints(-1))
}

// gateOf is one gate's span of a row of all gates.
func (u *unrolled) gateOf(v *graph.Value, gate int, hidden int64) *graph.Value {
	return u.span(v, int64(gate)*hidden, int64(gate+1)*hidden)
}

// fromInput is x·Wᵀ with its bias, for all gates.
func (u *unrolled) fromInput(x *graph.Value) *graph.Value {
	return u.withBias(u.Op("MatMul", nil, x, u.w), u.bw)
}

// fromState is h·Rᵀ with its bias, for all gates.
func (u *unrolled) fromState(h *graph.Value) *graph.Value {
	return u.withBias(u.Op("MatMul", nil, h, u.r), u.br)
}

func (u *unrolled) withBias(v, bias *graph.Value) *graph.Value {
	if bias == nil {
		return v
	}
	return u.Add(v, bias)
}

// limited applies the clip attribute.
func (u *unrolled) limited(v *graph.Value) *graph.Value {
	if !u.n.Attrs.Has("clip") {
		return v
	}
	clip := float64(u.n.Attrs.Float("clip", 0))
	return u.Op("Clip", nil, v, u.Like(v, -clip), u.Like(v, clip))
}

func hiddenSize(u *unrolled) int64 { return u.n.In[2].Type.Shape[2].Size }
