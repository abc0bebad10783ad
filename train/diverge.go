package train

import (
	"context"
	"fmt"
	"math"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// snapshot is the state of a run some steps ago, from which what went wrong can be found again: steps write over what they read.
type snapshot struct {
	weights Weights
	at      position
}

// snapEvery is after how many steps the state is copied.
const snapEvery = 64

func (s *snapshot) keep(r *run) {
	if s.weights != nil && r.Total < s.at.Total+snapEvery {
		return
	}
	if s.weights == nil {
		s.weights = r.weights.clone()
	}
	for name, t := range r.weights {
		copy(s.weights[name].Raw, t.Raw)
	}
	s.at = r.position
}

// diverged goes again from the last snapshot through the steps that led to a loss that is no number, with a look at every value, and
// names the first node whose result is not finite.
func (r *run) diverged(loss float64) error {
	fail := errs.New(errs.Engine, "training diverged at step %d (epoch %d): the loss is %v", r.Total, r.Epoch, loss)
	const hint = "a smaller learning rate, clipped gradients or checked data may help"
	step, node, err := r.firstBad()
	switch {
	case err != nil:
		return errs.New(errs.Engine, "%w; looking for the cause: %w", fail.Err, err).WithHint(hint)
	case node == nil:
		return fail.WithHint(hint)
	}
	e := errs.New(errs.Engine, "%w; at step %d this node is the first to give a number that is not finite", fail.Err, step).WithHint(hint)
	e.Op, e.Node = node.OpName(), node.Name
	return e
}

// firstBad replays the steps since the snapshot.
func (r *run) firstBad() (int64, *graph.Node, error) {
	w := r.snap.weights
	probe, err := newProbe(r.step.Step, r.o.Engine)
	if err != nil {
		return 0, nil, err
	}
	defer probe.model.Close()
	again, err := NewTrainer(r.step.Step, r.o.Engine, w)
	if err != nil {
		return 0, nil, err
	}
	defer again.Close()
	s := *r
	s.position, s.step, s.weights, s.snap = r.snap.at, again, w, snapshot{}
	if r.apply != nil {
		if s.apply, err = NewTrainer(r.apply.Step, r.o.Engine, w); err != nil {
			return 0, nil, err
		}
		defer s.apply.Close()
	}
	r.loader.Stop()
	if err := r.loader.Start(context.Background(), s.Epoch, int(s.Step)*s.o.Accumulate); err != nil {
		return 0, nil, err
	}
	for s.Total <= r.Total {
		at := Clock{Step: s.Total, Steps: s.steps, Epoch: s.Epoch}
		values := s.fit.optimizer.Values(s.Total+1, s.o.Schedule.Rate(s.fit.optimizer.LearningRate(), at))
		for k := range s.o.Accumulate {
			b, err := s.loader.Next()
			if err != nil {
				return 0, nil, err
			}
			node, err := s.look(probe, b, k, values)
			if node != nil || err != nil {
				return s.Total, node, err
			}
		}
		if s.apply != nil {
			if _, err := s.apply.Run(0, values...); err != nil {
				return 0, nil, err
			}
			w.clearGradients()
		}
		if s.Total++; s.Step+1 < s.steps {
			s.Step++
			continue
		}
		for range s.loader.Len() - int(s.steps)*s.o.Accumulate {
			if _, err := s.loader.Next(); err != nil {
				return 0, nil, err
			}
		}
		s.Epoch, s.Step = s.Epoch+1, 0
	}
	return 0, nil, nil
}

// look runs part k of a step twice: with a look at every value, and to change the state.
func (s *run) look(p *probe, b *dataset.Batch, k int, values []float64) (*graph.Node, error) {
	if s.apply != nil {
		values = nil
	}
	if err := s.feed.set(s.step.Set, b.Tensors, b.Index); err != nil {
		return nil, err
	}
	in := runtime.Inputs{}
	if err := s.feed.set(func(name string, t *graph.Tensor) error { in[name] = t; return nil }, b.Tensors, b.Index); err != nil {
		return nil, err
	}
	before := s.weights.clone() // the step changes them, and fills the masks that the probe reads
	if _, err := s.step.Run(s.maskSeed(k), values...); err != nil {
		return nil, err
	}
	for i, m := range s.step.Step.Masks {
		in[m.Name] = s.step.masks[i]
	}
	for i, name := range s.step.Step.Scalars {
		in[name] = s.step.scalars[i]
	}
	for _, st := range s.step.Step.State {
		in[st.In] = before[st.In]
	}
	return p.first(in)
}

// probe is a step with outputs that tell for every value whether it is finite.
type probe struct {
	model *runtime.Model
	nodes map[string]*graph.Node // by the output that tells of it
	order []string
}

func newProbe(s *Step, c runtime.Config) (*probe, error) {
	m := s.Model.Clone()
	p := &probe{nodes: map[string]*graph.Node{}}
	b := ops.NewBuilder(m.Graph, operators(), m.Opsets)
	nodes := m.Graph.Nodes
	m.Graph.Outputs = nil
	for _, n := range nodes {
		for _, v := range n.Out {
			if v == nil || v.Type == nil || v.Type.Kind != graph.TensorKind || !v.Type.DType.IsFloat() || n.Op == "Constant" {
				continue
			}
			// 0·x is 0 for finite x and NaN for others, and so is a sum of such.
			sum := b.Op("ReduceSum", graph.Attrs{"keepdims": 0}, b.Mul(v, b.Like(v, 0)))
			m.Graph.Outputs = append(m.Graph.Outputs, sum)
			p.nodes[sum.Name] = n
			p.order = append(p.order, sum.Name)
		}
	}
	var err error
	if p.model, err = runtime.Compile(m, c.WithOps(operators()).WithMemoryPattern(false)); err != nil {
		return nil, fmt.Errorf("compiling the search: %w", err)
	}
	return p, nil
}

// first returns the first node in the graph's order with a result that is not finite; nil: none.
func (p *probe) first(in runtime.Inputs) (*graph.Node, error) {
	out, err := p.model.Run(context.Background(), in)
	if err != nil {
		return nil, err
	}
	for _, name := range p.order {
		x, err := element(out[name], 0)
		if err != nil {
			return nil, err
		}
		if math.IsNaN(x) {
			return p.nodes[name], nil
		}
	}
	return nil, nil
}
