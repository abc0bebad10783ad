package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
)

// recurrent is what RNN, GRU and LSTM share: gates of hidden rows each in weights W (D, G·hidden, input), R (D, G·hidden, hidden) and
// biases B (D, 2·G·hidden), over X (T, N, input) or, where layout is 1, (N, T, input).
type recurrent struct {
	gates, hidden, dirs, steps, batch, input int

	directions []bool // true: backwards
	lens       []int  // steps of each batch entry
	batchFirst bool
	clip       float64

	x, w, r, b, h0, c0, p func(i int) float64 // flat readers; nil: absent
}

// inferRecurrent types Y, Y_h and, for LSTM, Y_c.
func inferRecurrent(c *Inference) ([]*graph.Type, error) {
	out := make([]*graph.Type, len(c.Node.Out))
	x := c.Type(0)
	if x.Rank() != 3 {
		return out, nil
	}
	dirs := graph.D(int64(len(directionsOf(c.Node))))
	hidden := graph.Sym("")
	if h := c.Node.Attrs.Int("hidden_size", 0); h > 0 {
		hidden = graph.D(h)
	} else if r := c.Type(2); r.Rank() == 3 {
		hidden = r.Shape[2]
	}
	y := graph.TensorType(x.DType, x.Shape[0], dirs, x.Shape[1], hidden)
	state := graph.TensorType(x.DType, dirs, x.Shape[1], hidden)
	if c.Node.Attrs.Int("layout", 0) == 1 {
		y = graph.TensorType(x.DType, x.Shape[0], x.Shape[1], dirs, hidden)
		state = graph.TensorType(x.DType, x.Shape[0], dirs, hidden)
	}
	for i := range out {
		if out[i] = state.Clone(); i == 0 {
			out[i] = y
		}
	}
	return out, nil
}

func directionsOf(n *graph.Node) []bool {
	switch n.Attrs.Str("direction", "forward") {
	case "reverse":
		return []bool{true}
	case "bidirectional":
		return []bool{false, true}
	}
	return []bool{false}
}

// recurrentOf reads a node's inputs and checks their shapes.
func recurrentOf(c *Call, gates int) (*recurrent, error) {
	a := c.Node.Attrs
	x, w, r := c.In[0], c.In[1], c.In[2]
	if len(x.Shape) != 3 || len(w.Shape) != 3 || len(r.Shape) != 3 {
		return nil, fmt.Errorf("inputs X, W and R are %s, %s and %s, want rank 3", x, w, r)
	}
	s := &recurrent{gates: gates, directions: directionsOf(c.Node), batchFirst: a.Int("layout", 0) == 1,
		steps: int(x.Shape[0]), batch: int(x.Shape[1]), input: int(x.Shape[2]), hidden: int(r.Shape[2])}
	s.dirs = len(s.directions)
	if s.batchFirst {
		s.steps, s.batch = s.batch, s.steps
	}
	s.clip = math.Inf(1)
	if a.Has("clip") {
		s.clip = float64(a.Float("clip", 0))
	}
	rows := int64(gates * s.hidden)
	d, state := int64(s.dirs), []int64{int64(s.dirs), int64(s.batch), int64(s.hidden)}
	if s.batchFirst {
		state[0], state[1] = state[1], state[0]
	}
	for _, in := range []struct {
		name  string
		i     int
		shape []int64
		to    *func(int) float64
	}{
		{"X", 0, x.Shape, &s.x}, {"W", 1, []int64{d, rows, int64(s.input)}, &s.w}, {"R", 2, []int64{d, rows, int64(s.hidden)}, &s.r},
		{"B", 3, []int64{d, 2 * rows}, &s.b}, {"initial_h", 5, state, &s.h0}, {"initial_c", 6, state, &s.c0},
		{"P", 7, []int64{d, int64(3 * s.hidden)}, &s.p},
	} {
		t := c.Input(in.i)
		if t == nil {
			continue
		}
		if !slices.Equal(t.Shape, in.shape) || t.DType != x.DType {
			return nil, fmt.Errorf("%s is %s, want %s%v", in.name, t, x.DType, in.shape)
		}
		var err error
		if *in.to, err = floatReader(t); err != nil {
			return nil, unsupported(c, t.DType)
		}
	}
	s.lens = slices.Repeat([]int{s.steps}, s.batch)
	if t := c.Input(4); t != nil {
		lens, err := int64s(t)
		if err != nil || len(lens) != s.batch {
			return nil, fmt.Errorf("sequence_lens is %s, want int32[%d]", t, s.batch)
		}
		for i, n := range lens {
			if n < 0 || n > int64(s.steps) {
				return nil, fmt.Errorf("sequence length %d of %d steps", n, s.steps)
			}
			s.lens[i] = int(n)
		}
	}
	return s, nil
}

// at is the offset of a state's row of one direction and batch entry.
func (s *recurrent) at(dir, entry int) int {
	if s.batchFirst {
		return (entry*s.dirs + dir) * s.hidden
	}
	return (dir*s.batch + entry) * s.hidden
}

// gate returns Wx+Rh and the biases of the rows of one gate, kept apart: the part of the input and that of the state.
func (s *recurrent) gate(dir, gate, step, entry int, h []float64) (fromInput, fromState []float64) {
	fromInput, fromState = make([]float64, s.hidden), make([]float64, s.hidden)
	xAt := (step*s.batch + entry) * s.input
	if s.batchFirst {
		xAt = (entry*s.steps + step) * s.input
	}
	for i := range s.hidden {
		row := (dir*s.gates+gate)*s.hidden + i
		for k := range s.input {
			fromInput[i] += s.w(row*s.input+k) * s.x(xAt+k)
		}
		for k := range s.hidden {
			fromState[i] += s.r(row*s.hidden+k) * h[k]
		}
		if s.b != nil {
			bias := dir*2*s.gates*s.hidden + gate*s.hidden + i
			fromInput[i] += s.b(bias)
			fromState[i] += s.b(bias + s.gates*s.hidden)
		}
	}
	return fromInput, fromState
}

func (s *recurrent) limit(x float64) float64 { return max(-s.clip, min(x, s.clip)) }

// cell advances the state h and, for LSTM, c of one direction and batch entry by one step, in place.
type cell func(dir, step, entry int, h, c []float64)

// run executes all directions and returns Y, Y_h and Y_c.
func (s *recurrent) run(call *Call, step cell) ([]*graph.Tensor, error) {
	d := call.In[0].DType
	y := make([]float64, s.steps*s.dirs*s.batch*s.hidden)
	yh, yc := make([]float64, s.dirs*s.batch*s.hidden), make([]float64, s.dirs*s.batch*s.hidden)
	for dir, backwards := range s.directions {
		for entry := range s.batch {
			if err := call.Err(); err != nil {
				return nil, err
			}
			from := s.at(dir, entry)
			h, c := yh[from:from+s.hidden], yc[from:from+s.hidden]
			for i := range h {
				if s.h0 != nil {
					h[i] = s.h0(from + i)
				}
				if s.c0 != nil {
					c[i] = s.c0(from + i)
				}
			}
			for k := range s.lens[entry] {
				t := k
				if backwards {
					t = s.lens[entry] - 1 - k
				}
				step(dir, t, entry, h, c)
				to := ((t*s.dirs+dir)*s.batch + entry) * s.hidden
				if s.batchFirst {
					to = ((entry*s.steps+t)*s.dirs + dir) * s.hidden
				}
				copy(y[to:], h)
			}
		}
	}
	shape := []int64{int64(s.steps), int64(s.dirs), int64(s.batch), int64(s.hidden)}
	state := shape[1:]
	if s.batchFirst {
		shape = []int64{int64(s.batch), int64(s.steps), int64(s.dirs), int64(s.hidden)}
		state = []int64{int64(s.batch), int64(s.dirs), int64(s.hidden)}
	}
	out := make([]*graph.Tensor, 3)
	for i, values := range [][]float64{y, yh, yc} {
		out[i] = call.Output(d, state...)
		if i == 0 {
			out[i] = call.Output(d, shape...)
		}
		if err := storeFloats(out[i], len(values), func(k int) float64 { return values[k] }, castRule{}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// activation is a function of the recurrent operators: its value, and the same as graph nodes.
type activation struct {
	value func(x, alpha, beta float64) float64
	nodes func(b *Builder, x *graph.Value, alpha, beta float64) *graph.Value
	alpha float64 // defaults
	beta  float64
}

func unary(op string, f func(float64) float64) activation {
	return activation{
		value: func(x, _, _ float64) float64 { return f(x) },
		nodes: func(b *Builder, x *graph.Value, _, _ float64) *graph.Value { return b.Op(op, nil, x) },
	}
}

var activations = map[string]activation{
	"Relu": unary("Relu", func(x float64) float64 { return max(0, x) }), "Tanh": unary("Tanh", math.Tanh),
	"Sigmoid": unary("Sigmoid", sigmoid), "Softplus": unary("Softplus", softplus),
	"Softsign": unary("Softsign", func(x float64) float64 { return x / (1 + math.Abs(x)) }),
	"Affine": {alpha: 1, value: func(x, alpha, beta float64) float64 { return alpha*x + beta },
		nodes: func(b *Builder, x *graph.Value, alpha, beta float64) *graph.Value {
			return b.Add(b.Mul(x, b.Like(x, alpha)), b.Like(x, beta))
		}},
	"ScaledTanh": {alpha: 1, beta: 1, value: func(x, alpha, beta float64) float64 { return alpha * math.Tanh(beta*x) },
		nodes: func(b *Builder, x *graph.Value, alpha, beta float64) *graph.Value {
			return b.Mul(b.Op("Tanh", nil, b.Mul(x, b.Like(x, beta))), b.Like(x, alpha))
		}},
	"LeakyRelu": {alpha: 0.01, value: func(x, alpha, _ float64) float64 { return max(0, x) + alpha*min(0, x) },
		nodes: attributed("LeakyRelu")},
	"ThresholdedRelu": {alpha: 1, value: func(x, alpha, _ float64) float64 {
		if x > alpha {
			return x
		}
		return 0
	}, nodes: attributed("ThresholdedRelu")},
	"HardSigmoid": {alpha: 0.2, beta: 0.5, value: func(x, alpha, beta float64) float64 { return max(0, min(1, alpha*x+beta)) },
		nodes: func(b *Builder, x *graph.Value, alpha, beta float64) *graph.Value {
			return b.Op("HardSigmoid", graph.Attrs{"alpha": alpha, "beta": beta}, x)
		}},
	"Elu": {alpha: 1, value: func(x, alpha, _ float64) float64 { return max(0, x) + alpha*math.Expm1(min(0, x)) },
		nodes: attributed("Elu")},
}

func attributed(op string) func(b *Builder, x *graph.Value, alpha, beta float64) *graph.Value {
	return func(b *Builder, x *graph.Value, alpha, _ float64) *graph.Value {
		return b.Op(op, graph.Attrs{"alpha": alpha}, x)
	}
}

// bound is an activation with its parameters.
type bound struct {
	activation
	a, b float64
}

func (f bound) of(x float64) float64 { return f.value(x, f.a, f.b) }

func (f bound) node(b *Builder, x *graph.Value) *graph.Value { return f.nodes(b, x, f.a, f.b) }

// activationsOf returns the functions of every direction in turn; defaults are those of one direction.
func activationsOf(n *graph.Node, dirs int, defaults ...string) ([]bound, error) {
	names := n.Attrs.Strs("activations", slices.Repeat(defaults, dirs))
	if len(names) != dirs*len(defaults) {
		return nil, fmt.Errorf("%d activations for %d directions, want %d each", len(names), dirs, len(defaults))
	}
	alphas, betas := n.Attrs.Floats("activation_alpha", nil), n.Attrs.Floats("activation_beta", nil)
	out := make([]bound, len(names))
	for i, name := range names {
		f, ok := activations[name]
		if !ok {
			return nil, fmt.Errorf("activation %q", name)
		}
		out[i] = bound{f, f.alpha, f.beta}
		if i < len(alphas) {
			out[i].a = float64(alphas[i])
		}
		if i < len(betas) {
			out[i].b = float64(betas[i])
		}
	}
	return out, nil
}
