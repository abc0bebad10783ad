package train

import (
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// An Optimizer turns gradients into changes of parameters. Its update is a graph, so that a step is one; what depends on the number
// of the step is computed beforehand and given as numbers.
type Optimizer interface {
	Name() string
	// LearningRate is the base rate, which a [Schedule] varies.
	LearningRate() float64
	// Slots names the tensors that are kept for every parameter. They have its shape and start at 0.
	Slots() []string
	// Scalars names the numbers that an update reads, and Values gives them for step t, counted from 1, at a learning rate.
	Scalars() []string
	Values(t int64, rate float64) []float64
	// Update appends the new parameter and the new slots. The nodes that write them must read the old ones last: engines
	// write in place.
	Update(b *ops.Builder, u Update) (param *graph.Value, slots []*graph.Value)
}

// Update is what an optimiser sees of one parameter.
type Update struct {
	Param, Gradient *graph.Value
	Slots           []*graph.Value // as Slots names them
	Scalars         []*graph.Value // as Scalars names them, of shape [1]
}

// decayed adds the gradient of ½·decay·p².
func decayed(b *ops.Builder, u Update, decay float64) *graph.Value {
	if decay == 0 {
		return u.Gradient
	}
	return b.Add(u.Gradient, b.Mul(u.Param, b.Like(u.Param, decay)))
}

type sgd struct {
	rate, momentum, decay float64
	nesterov              bool
}

// SGD is gradient descent: p' = p - rate·(g + decay·p).
func SGD(rate, decay float64) Optimizer { return sgd{rate: rate, decay: decay} }

// Momentum is SGD along a running sum of gradients, v' = momentum·v + g + decay·p; p' = p - rate·v' (as PyTorch defines it).
func Momentum(rate, momentum, decay float64) Optimizer {
	return sgd{rate: rate, momentum: momentum, decay: decay}
}

// Nesterov is Momentum that looks ahead: p' = p - rate·(g + decay·p + momentum·v').
func Nesterov(rate, momentum, decay float64) Optimizer {
	return sgd{rate: rate, momentum: momentum, decay: decay, nesterov: true}
}

func (o sgd) Name() string {
	switch {
	case o.nesterov:
		return "nesterov"
	case o.momentum != 0:
		return "momentum"
	}
	return "sgd"
}

func (o sgd) LearningRate() float64 { return o.rate }

func (o sgd) Slots() []string {
	if o.momentum == 0 {
		return nil
	}
	return []string{"velocity"}
}

func (o sgd) Scalars() []string                      { return []string{"rate"} }
func (o sgd) Values(t int64, rate float64) []float64 { return []float64{rate} }

func (o sgd) Update(b *ops.Builder, u Update) (*graph.Value, []*graph.Value) {
	g := decayed(b, u, o.decay)
	if o.momentum == 0 {
		return b.Sub(u.Param, b.Mul(g, u.Scalars[0])), nil
	}
	v := b.Add(b.Mul(u.Slots[0], b.Like(g, o.momentum)), g)
	along := v
	if o.nesterov {
		along = b.Add(g, b.Mul(v, b.Like(v, o.momentum)))
	}
	return b.Sub(u.Param, b.Mul(along, u.Scalars[0])), []*graph.Value{v}
}

// AdamOptions are the constants of [AdamWith]; zero fields mean the defaults named with them.
type AdamOptions struct {
	Beta1   float64 // 0.9
	Beta2   float64 // 0.999
	Epsilon float64 // 1e-8
	// Decay is that of weights: added to the gradient, or, if Decoupled, taken from the weights (AdamW).
	Decay     float64
	Decoupled bool
}

type adam struct {
	rate float64
	o    AdamOptions
}

// Adam is the optimiser of Kingma and Ba 2014 (arXiv:1412.6980) with its default constants.
func Adam(rate float64) Optimizer { return AdamWith(rate, AdamOptions{}) }

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv:1711.05101).
func AdamW(rate, decay float64) Optimizer {
	return AdamWith(rate, AdamOptions{Decay: decay, Decoupled: true})
}

// AdamWith is Adam with constants of one's own.
func AdamWith(rate float64, o AdamOptions) Optimizer {
	for _, d := range []struct {
		x *float64
		y float64
	}{{&o.Beta1, 0.9}, {&o.Beta2, 0.999}, {&o.Epsilon, 1e-8}} {
		if *d.x == 0 {
			*d.x = d.y
		}
	}
	return adam{rate, o}
}

func (a adam) Name() string {
	if a.o.Decoupled {
		return "adamw"
	}
	return "adam"
}

func (a adam) LearningRate() float64 { return a.rate }
func (a adam) Slots() []string       { return []string{"m", "v"} }

func (a adam) Scalars() []string {
	if a.o.Decoupled {
		return []string{"rate", "epsilon", "keep"}
	}
	return []string{"rate", "epsilon"}
}

// Values takes the corrections of both moments for their start at 0 into the rate and ε.
func (a adam) Values(t int64, rate float64) []float64 {
	second := math.Sqrt(1 - math.Pow(a.o.Beta2, float64(t)))
	v := []float64{rate * second / (1 - math.Pow(a.o.Beta1, float64(t))), a.o.Epsilon * second}
	if a.o.Decoupled {
		v = append(v, 1-rate*a.o.Decay)
	}
	return v
}

func (a adam) Update(b *ops.Builder, u Update) (*graph.Value, []*graph.Value) {
	g := u.Gradient
	if !a.o.Decoupled {
		g = decayed(b, u, a.o.Decay)
	}
	if u.Param.Type.DType == graph.Float64 { // attributes have the digits of float32 alone
		return a.primitives(b, u, g)
	}
	in := append([]*graph.Value{u.Param, g, u.Slots[0], u.Slots[1]}, u.Scalars...)
	out := b.OpN(3, ops.FusedDomain+":Adam", graph.Attrs{"share1": 1 - a.o.Beta1, "share2": 1 - a.o.Beta2}, in...)
	return out[0], out[1:]
}

func (a adam) primitives(b *ops.Builder, u Update, g *graph.Value) (*graph.Value, []*graph.Value) {
	m, v := u.Slots[0], u.Slots[1]
	m = b.Add(m, b.Mul(b.Sub(g, m), b.Like(g, 1-a.o.Beta1)))
	v = b.Add(v, b.Mul(b.Sub(b.Mul(g, g), v), b.Like(g, 1-a.o.Beta2)))
	p := u.Param
	if a.o.Decoupled {
		p = b.Mul(p, u.Scalars[2])
	}
	change := b.Div(b.Mul(m, u.Scalars[0]), b.Add(b.Op("Sqrt", nil, v), u.Scalars[1]))
	return b.Sub(p, change), []*graph.Value{m, v}
}

// RMSPropOptions are the constants of [RMSProp]; zero fields mean the defaults named with them.
type RMSPropOptions struct {
	Alpha    float64 // 0.99
	Epsilon  float64 // 1e-8
	Momentum float64
	Decay    float64
}

type rmsprop struct {
	rate float64
	o    RMSPropOptions
}

// RMSProp divides gradients by the root of their running mean square (Hinton 2012), as PyTorch defines it: s' = α·s + (1 - α)·g²;
// p' = p - rate·g/(√s' + ε), with momentum along a running sum of these.
func RMSProp(rate float64, o RMSPropOptions) Optimizer {
	if o.Alpha == 0 {
		o.Alpha = 0.99
	}
	if o.Epsilon == 0 {
		o.Epsilon = 1e-8
	}
	return rmsprop{rate, o}
}

func (r rmsprop) Name() string          { return "rmsprop" }
func (r rmsprop) LearningRate() float64 { return r.rate }

func (r rmsprop) Slots() []string {
	if r.o.Momentum == 0 {
		return []string{"square"}
	}
	return []string{"square", "velocity"}
}

func (r rmsprop) Scalars() []string                      { return []string{"rate"} }
func (r rmsprop) Values(t int64, rate float64) []float64 { return []float64{rate} }

func (r rmsprop) Update(b *ops.Builder, u Update) (*graph.Value, []*graph.Value) {
	g := decayed(b, u, r.o.Decay)
	s := b.Add(b.Mul(u.Slots[0], b.Like(g, r.o.Alpha)), b.Mul(b.Mul(g, g), b.Like(g, 1-r.o.Alpha)))
	along := b.Div(g, b.Add(b.Op("Sqrt", nil, s), b.Like(s, r.o.Epsilon)))
	slots := []*graph.Value{s}
	if r.o.Momentum != 0 {
		along = b.Add(b.Mul(u.Slots[1], b.Like(g, r.o.Momentum)), along)
		slots = append(slots, along)
	}
	return b.Sub(u.Param, b.Mul(along, u.Scalars[0])), slots
}
