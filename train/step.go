package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Config says how a network is trained; it is what the graph of a step depends on.
type Config struct {
	Loss      Loss
	Optimizer Optimizer
	// Batch is how many samples a step takes.
	Batch int
	// Accumulate is how many batches make one change of the parameters; their gradients are averaged. 0: 1.
	Accumulate int
	// Freeze lists patterns (as of package path) of initializers that stay as they are. A BatchNormalization whose running
	// statistics stay normalises by these.
	Freeze []string
	// Stop lists values of the network, by name, that gradients do not pass.
	Stop []string
	// ClipValue bounds every element of the gradients; ClipNorm then scales them down together where their norm is larger. 0: no
	// bound.
	ClipValue, ClipNorm float64
	// EMA is the decay, near 1, of a running mean of the parameters that is kept beside them; 0: none.
	EMA float64
	// Precision is graph.Float32, the default, or graph.Float64, which the reference engine alone runs.
	Precision graph.DType
	// Target is what the step is written for.
	Target ops.Target
}

func (c Config) precision() graph.DType {
	if c.Precision == graph.Undefined {
		return graph.Float32
	}
	return c.Precision
}

// A Step is a training step as a graph: forward, loss, backward, clipping and the optimiser's update. What it changes are inputs
// and outputs of the graph that are to share memory: no node reads an old value after the one that writes the new (see inPlace).
type Step struct {
	Model *graph.Model
	// Batch names the inputs that come from data: those of the network, and Targets those of the loss.
	Batch   []string
	Targets []Target
	Masks   []Mask
	// Scalars names the inputs, of shape [1], that are set before each run.
	Scalars []string
	State   []State
	// Loss names the output, of shape [1], with the loss of the batch.
	Loss string
}

// State is a tensor that lasts from step to step.
type State struct {
	In    string        // the graph's input
	Out   string        // the output with its new value; empty: the step only reads it
	Value *graph.Tensor // before the first step
	// Param says that it is an initializer of the network, of that name but for a prefix: a weight or a running statistic.
	Param bool
}

// NewStep writes the training step of a network. The network is in inference form, as packages models and PyTorch's exporter
// write it, and is not changed: BatchNormalization takes the statistics of the batch in the step, Dropout drops. All initializers
// of floating type that gradients reach are trained but for those that c freezes.
//
// With Accumulate above 1 the step only adds up gradients, and apply is the one that uses them; otherwise apply is nil.
func NewStep(net *graph.Model, c Config) (step, apply *Step, err error) {
	n, err := prepare(net, c.precision())
	if err != nil {
		return nil, nil, err
	}
	n.frozen = c.Freeze
	a := newAssembly("step", int64(c.Batch), c.Target)
	s := &Step{Model: a.m}
	var in []*graph.Value
	for _, v := range n.inputs() {
		x, err := a.input(v.Name, v.Type)
		if err != nil {
			return nil, nil, err
		}
		in, s.Batch = append(in, x), append(s.Batch, x.Name)
	}
	out, err := a.apply(n, in)
	if err != nil {
		return nil, nil, err
	}
	targets, err := a.targets(c.Loss, s, out)
	if err != nil {
		return nil, nil, err
	}
	loss, err := a.loss(c.Loss, out, targets)
	if err != nil {
		return nil, nil, err
	}
	stop, err := a.named(c.Stop)
	if err != nil {
		return nil, nil, err
	}
	g, err := a.gradients(loss, stop)
	if err != nil {
		return nil, nil, err
	}
	for _, x := range g {
		if t := x.of.value.DType; t != c.precision() {
			return nil, nil, errs.New(errs.Invalid, "weight %q is %s: training is in %s", x.of.name, t, c.precision()).
				WithHint("convert the network, or freeze the weight")
		}
	}
	if c.Accumulate > 1 {
		if err := a.accumulate(s, g, loss, c.Accumulate); err != nil {
			return nil, nil, err
		}
		apply, err := applyStep(g, c)
		return s, apply, err
	}
	a.update(s, g, loss, c)
	return s, nil, a.finish(s, g, loss)
}

// targets adds the inputs of the loss.
func (a *assembly) targets(l Loss, s *Step, out []*graph.Value) ([]*graph.Value, error) {
	types := make([]*graph.Type, len(out))
	for i, v := range out {
		types[i] = v.Type
	}
	targets, err := l.Targets(types)
	if err != nil {
		return nil, errs.New(errs.Input, "loss %s: %w", l.Name, err)
	}
	values := make([]*graph.Value, len(targets))
	for i, t := range targets {
		if values[i], err = a.input(t.Name, t.Type); err != nil {
			return nil, err
		}
		targets[i].Name, targets[i].Type = values[i].Name, values[i].Type
	}
	s.Targets = targets
	return values, nil
}

// loss appends the loss, in shape [1]; a loss panics where it cannot be written.
func (a *assembly) loss(l Loss, out, targets []*graph.Value) (v *graph.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errs.New(errs.Input, "loss %s: %v", l.Name, r)
		}
	}()
	v = a.b.Reshape(l.Value(a.b, out, targets), 1)
	v.Name = a.b.Name("loss")
	return v, nil
}

// named finds values of the graph.
func (a *assembly) named(names []string) ([]*graph.Value, error) {
	var list []*graph.Value
	for _, name := range names {
		at := len(list)
		for _, n := range a.m.Graph.Nodes {
			if i := slices.IndexFunc(n.Out, func(v *graph.Value) bool { return v != nil && v.Name == name }); i >= 0 {
				list = append(list, n.Out[i])
			}
		}
		if len(list) == at {
			return nil, errs.New(errs.Input, "the network computes no value %q, which gradients were to stop at", name)
		}
	}
	return list, nil
}

// gradient is that of a parameter.
type gradient struct {
	of *variable
	d  *graph.Value
}

// gradients differentiates the loss. Parameters that it does not depend on become constants.
func (a *assembly) gradients(loss *graph.Value, stop []*graph.Value) ([]gradient, error) {
	var of []*variable
	var x []*graph.Value
	for _, v := range a.variables {
		if v.trained {
			of, x = append(of, v), append(x, v.in)
		}
	}
	d, err := differentiate(a.b, a.m, a.set, []*graph.Value{loss}, []*graph.Value{nil}, x, stop)
	if err != nil {
		return nil, err
	}
	var list []gradient
	for i, v := range of {
		if v.trained = d[i] != nil; v.trained {
			list = append(list, gradient{v, d[i]})
		}
	}
	if len(list) == 0 {
		ends := ""
		if dead := a.deadEnds(x, loss); len(dead) > 0 {
			ends = "; gradients end at " + strings.Join(dead, ", ")
		}
		return nil, errs.New(errs.Input, "the loss depends on no parameter%s", ends).
			WithHint("weights are initializers of floating type: look whether they are frozen, or whether gradients stop before them")
	}
	return list, nil
}

// deadEnds lists the nodes between x and the loss that pass no gradient on, with the reason.
func (a *assembly) deadEnds(x []*graph.Value, loss *graph.Value) (list []string) {
	needed, reached := ancestors(loss), map[*graph.Value]bool{}
	for _, v := range x {
		reached[v] = true
	}
	for i, n := range a.m.Graph.Nodes {
		if !needed[n] || !slices.ContainsFunc(n.In, func(v *graph.Value) bool { return reached[v] }) {
			continue
		}
		for _, v := range n.Out {
			reached[v] = true
		}
		if op := a.set.Find(n.Domain, n.Op, a.m.Opsets[n.Domain]); op != nil && op.Grad == nil && op.NoGrad != "" {
			list = append(list, fmt.Sprintf("%s (node %s): %s", n.OpName(), label(i, n), op.NoGrad))
		}
	}
	return list
}

// clip bounds the gradients.
func (a *assembly) clip(g []gradient, c Config) {
	b := a.b
	if c.ClipValue > 0 {
		for i := range g {
			g[i].d = b.Op("Clip", nil, g[i].d, b.Like(g[i].d, -c.ClipValue), b.Like(g[i].d, c.ClipValue))
		}
	}
	if c.ClipNorm > 0 {
		squares := make([]*graph.Value, len(g))
		for i := range g {
			squares[i] = b.Reshape(b.Op("ReduceSumSquare", graph.Attrs{"keepdims": 0}, g[i].d), 1)
		}
		norm := b.Op("Sqrt", nil, b.Op("ReduceSum", graph.Attrs{"keepdims": 1}, b.Op("Concat", graph.Attrs{"axis": 0}, squares...)))
		scale := b.Op("Min", nil, b.Div(b.Like(norm, c.ClipNorm), b.Add(norm, b.Like(norm, 1e-6))), b.Like(norm, 1))
		for i := range g {
			g[i].d = b.Mul(g[i].d, scale)
		}
	}
}

// update appends clipping and the optimiser.
func (a *assembly) update(s *Step, g []gradient, loss *graph.Value, c Config) {
	a.clip(g, c)
	var scalars []*graph.Value
	for _, name := range c.Optimizer.Scalars() {
		v := a.scalar(name, c.precision())
		scalars, s.Scalars = append(scalars, v), append(s.Scalars, v.Name)
	}
	token := a.token(g, loss)
	for i := range scalars {
		scalars[i] = a.after(scalars[i], token)
	}
	for _, x := range g {
		u := Update{Param: x.of.in, Gradient: x.d, Scalars: scalars}
		var slots []*variable
		for _, name := range c.Optimizer.Slots() {
			v := a.declare(x.of.name+"."+name, graph.NewTensor(x.of.value.DType, x.of.value.Shape...))
			slots, u.Slots = append(slots, v), append(u.Slots, v.in)
		}
		var now []*graph.Value
		x.of.now, now = c.Optimizer.Update(a.b, u)
		for k, v := range slots {
			v.now = now[k]
		}
		if c.EMA > 0 {
			v := a.declare(x.of.name+".ema", x.of.value)
			v.now = a.b.Add(v.in, a.b.Mul(a.b.Sub(x.of.now, v.in), a.b.Like(v.in, 1-c.EMA)))
		}
	}
}

// accumulate adds the gradients, each a share of the mean, to what was added before.
func (a *assembly) accumulate(s *Step, g []gradient, loss *graph.Value, parts int) error {
	for _, x := range g {
		x.of.held = true // apply changes it
		v := a.declare(x.of.name+accumulated, graph.NewTensor(x.of.value.DType, x.of.value.Shape...))
		v.now = a.b.Add(v.in, a.b.Mul(x.d, a.b.Like(x.d, 1/float64(parts))))
	}
	return a.finish(s, nil, loss)
}

// accumulated ends the names of gradients that are added up.
const accumulated = ".gradient"

// applyStep writes the step that takes gradients which were added up, for the parameters of g.
func applyStep(g []gradient, c Config) (*Step, error) {
	a := newAssembly("apply", 1, c.Target)
	s := &Step{Model: a.m}
	own := make([]gradient, len(g))
	for i, x := range g {
		p := a.declare(x.of.name, x.of.value)
		p.trained = true
		d := a.declare(x.of.name+accumulated, graph.NewTensor(x.of.value.DType, x.of.value.Shape...))
		d.held = true
		own[i] = gradient{p, d.in}
	}
	a.update(s, own, nil, c)
	return s, a.finish(s, own, nil)
}

// finish declares what the step gives, drops what it does not need, and checks that it may run in place.
func (a *assembly) finish(s *Step, g []gradient, loss *graph.Value) error {
	params := map[*variable]bool{}
	for _, v := range a.byValue {
		params[v] = true
	}
	for _, x := range g {
		params[x.of] = true
	}
	if loss != nil {
		a.m.Graph.Outputs = append(a.m.Graph.Outputs, loss)
		s.Loss = loss.Name
	}
	for _, v := range a.variables {
		if v.now != v.in {
			if p, _ := v.now.Producer(); p == nil || slices.Contains(a.m.Graph.Outputs, v.now) {
				v.now = a.b.Op("Identity", nil, v.now)
			}
			a.m.Graph.Outputs = append(a.m.Graph.Outputs, v.now)
		}
	}
	if err := a.b.Specialize(); err != nil {
		return err
	}
	a.prune()
	if err := ops.Infer(a.m, a.set); err != nil {
		return err
	}
	for _, v := range a.variables {
		st := State{In: v.in.Name, Value: v.value, Param: params[v]}
		if v.now != v.in {
			st.Out = v.now.Name
			v.now.Type = v.in.Type
		} else if !v.held || len(v.in.Uses()) == 0 { // nobody changes it
			a.m.Graph.Inputs = slices.DeleteFunc(a.m.Graph.Inputs, func(x *graph.Value) bool { return x == v.in })
			if v.in.Const = v.value; len(v.in.Uses()) > 0 {
				a.m.Graph.Initializers = append(a.m.Graph.Initializers, v.in)
			}
			continue
		}
		s.State = append(s.State, st)
	}
	s.Masks = a.masks
	if err := a.m.Verify(); err != nil {
		return errs.New(errs.Invalid, "training step: %w", err)
	}
	return a.inPlace()
}

// prune removes nodes whose results nobody reads.
func (a *assembly) prune() {
	g := a.m.Graph
	for _, n := range slices.Backward(slices.Clone(g.Nodes)) {
		used := slices.ContainsFunc(n.Out, func(v *graph.Value) bool {
			return v != nil && (len(v.Uses()) > 0 || slices.Contains(g.Outputs, v))
		})
		if !used {
			g.Remove(n)
		}
	}
	g.Initializers = slices.DeleteFunc(g.Initializers, func(v *graph.Value) bool { return len(v.Uses()) == 0 })
}
