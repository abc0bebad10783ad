package train

import (
	"context"
	"math/rand/v2"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
)

// Weights are tensors that several steps may share, by name: parameters, running statistics, slots of optimisers.
type Weights map[string]*graph.Tensor

// A Trainer runs a step, again and again, in place. One goroutine uses it at a time, and steps that share tensors run one at a
// time. Close it when it is no longer needed. Its state is in Go memory: with a provider for a device it crosses over in every step.
type Trainer struct {
	Step    *Step
	model   *runtime.Model
	session *runtime.Session
	scalars []*graph.Tensor
	loss    *graph.Tensor
	masks   []*graph.Tensor
}

// NewTrainer compiles a step. Its state is that in w where there is such a tensor, which the step then changes; else w gets a copy of
// the step's own.
func NewTrainer(s *Step, c runtime.Config, w Weights) (*Trainer, error) {
	// Without a memory plan the arena holds half as much, at the same speed.
	model, err := runtime.Compile(s.Model, c.WithOps(operators()).WithMemoryPattern(false))
	if err != nil {
		return nil, err
	}
	t := &Trainer{Step: s, model: model}
	if err := t.bind(w); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Trainer) bind(w Weights) (err error) {
	if t.session, err = t.model.NewSession(); err != nil {
		return err
	}
	for _, st := range t.Step.State {
		x := w[st.In]
		if x == nil {
			x = st.Value.Clone()
			w[st.In] = x
		}
		if err := t.session.SetInput(st.In, x); err != nil {
			return err
		}
		if st.Out == "" {
			continue
		}
		if err := t.session.SetOutput(st.Out, x); err != nil {
			return err
		}
	}
	for _, name := range t.Step.Scalars {
		x := graph.NewTensor(t.dtype(name), 1)
		t.scalars = append(t.scalars, x)
		if err := t.session.SetInput(name, x); err != nil {
			return err
		}
	}
	for _, m := range t.Step.Masks {
		x := graph.NewTensor(m.DType, m.Shape...)
		t.masks = append(t.masks, x)
		if err := t.session.SetInput(m.Name, x); err != nil {
			return err
		}
	}
	if t.Step.Loss != "" {
		t.loss = graph.NewTensor(t.Step.Model.Graph.Output(t.Step.Loss).Type.DType, 1)
		return t.session.SetOutput(t.Step.Loss, t.loss)
	}
	return nil
}

func (t *Trainer) dtype(input string) graph.DType {
	return t.Step.Model.Graph.Input(input).Type.DType
}

// Set binds a batch: a tensor for an input of the network or a target, by name. It is read by every run until another takes its
// place.
func (t *Trainer) Set(name string, x *graph.Tensor) error { return t.session.SetInput(name, x) }

// Run takes a step with these numbers, in the order of Step.Scalars, and returns the loss before it. The masks of dropout follow
// from seed. A run that has begun is not interrupted: half of it would leave some weights changed.
func (t *Trainer) Run(seed uint64, scalars ...float64) (loss float64, err error) {
	if len(scalars) != len(t.scalars) {
		return 0, errs.New(errs.Input, "%d numbers for a step that takes %v", len(scalars), t.Step.Scalars)
	}
	for i, x := range scalars {
		setScalar(t.scalars[i], x)
	}
	for i, m := range t.Step.Masks {
		fillMask(t.masks[i], m.Ratio, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	if err := t.session.Run(context.Background()); err != nil {
		return 0, err
	}
	if t.loss == nil {
		return 0, nil
	}
	return scalarOf(t.loss)
}

// Report says what the step runs on.
func (t *Trainer) Report() runtime.Report { return t.model.Report() }

// Close releases the compiled step.
func (t *Trainer) Close() error {
	if t.session != nil {
		t.session.Close()
	}
	return t.model.Close()
}

func setScalar(t *graph.Tensor, x float64) {
	if t.DType == graph.Float64 {
		graph.Data[float64](t)[0] = x
	} else {
		graph.Data[float32](t)[0] = float32(x)
	}
}

// fillMask draws which elements stay, four from a random number.
func fillMask(t *graph.Tensor, ratio float64, r *rand.Rand) {
	keep := 1 / (1 - ratio)
	limit := uint64(ratio * (1 << 16))
	var bits uint64
	draw := func(i int) bool {
		if i%4 == 0 {
			bits = r.Uint64()
		}
		stays := bits&0xffff >= limit
		bits >>= 16
		return stays
	}
	if t.DType == graph.Float64 {
		fillKept(graph.Data[float64](t), keep, draw)
		return
	}
	fillKept(graph.Data[float32](t), float32(keep), draw)
}

func fillKept[T float32 | float64](x []T, keep T, draw func(i int) bool) {
	for i := range x {
		if x[i] = 0; draw(i) {
			x[i] = keep
		}
	}
}
