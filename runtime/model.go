package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

// Inputs are values by the name of the input.
type Inputs map[string]*Tensor

// Outputs are values by the name of the output.
type Outputs map[string]*Tensor

// Report says what a model runs on: engine, library, provider, device and why, and which operators have kernels.
type Report = engine.Report

// Info describes an input or output.
type Info struct {
	Name     string
	Type     *Type // nil: the model does not say
	Optional bool  // an input with a default
	Map      *MapInfo
}

// DType is the element type of a tensor, undefined for anything else.
func (i Info) DType() DType {
	if i.Type == nil || i.Type.Kind != graph.TensorKind {
		return graph.Undefined
	}
	return i.Type.DType
}

// Shape is the symbolic shape of a tensor, nil where it is not known.
func (i Info) Shape() []Dim {
	if i.Type == nil {
		return nil
	}
	return i.Type.Shape
}

// Model is a compiled network. It is immutable and may be used by many goroutines at once. Close it when it is no longer needed.
type Model struct {
	plan     engine.Plan
	in, out  []Info
	inIndex  map[string]int
	outIndex map[string]int
	metadata map[string]string
	report   Report
}

func newModel(m *graph.Model, infos map[string]*MapInfo, plan engine.Plan, report Report) *Model {
	describe := func(ports []engine.Port) ([]Info, map[string]int) {
		list, index := make([]Info, len(ports)), make(map[string]int, len(ports))
		for i, p := range ports {
			list[i] = Info{Name: p.Name, Type: p.Type, Optional: p.Optional, Map: infos[p.Name]}
			index[p.Name] = i
		}
		return list, index
	}
	model := &Model{plan: plan, report: report, metadata: m.Metadata}
	model.in, model.inIndex = describe(plan.Inputs())
	model.out, model.outIndex = describe(plan.Outputs())
	return model
}

// Inputs describes the inputs in the model's order. Do not change it.
func (m *Model) Inputs() []Info { return m.in }

// Outputs describes the outputs in the model's order. Do not change it.
func (m *Model) Outputs() []Info { return m.out }

// Metadata returns a copy of the model's metadata.
func (m *Model) Metadata() map[string]string { return maps.Clone(m.metadata) }

// Report says what the model runs on.
func (m *Model) Report() Report { return m.report }

// Close releases the model. Runs under way finish, sessions stay usable until they are closed; later runs return ErrClosed.
// Closing again does nothing.
func (m *Model) Close() error { return m.plan.Close() }

// Run computes the named outputs, all if none is named. Every input without a default must be given. The results belong to the
// caller; the inputs are read until Run returns.
func (m *Model) Run(ctx context.Context, in Inputs, outputs ...string) (Outputs, error) {
	values, err := m.arrange(in)
	if err != nil {
		return nil, err
	}
	var want []int
	n := len(m.out)
	if len(outputs) > 0 {
		if want, err = m.selection(outputs); err != nil {
			return nil, err
		}
		n = len(want)
	}
	results := make([]*Tensor, n)
	if err := m.plan.Run(ctx, values, want, results); err != nil {
		return nil, m.explain(err, values)
	}
	out := make(Outputs, n)
	for k, t := range results {
		i := k
		if want != nil {
			i = want[k]
		}
		out[m.out[i].Name] = t
	}
	return out, nil
}

// RunList computes all outputs from inputs in the model's order; nil stands for an input left out. It is Run without the names, and
// allocates only the results.
func (m *Model) RunList(ctx context.Context, in ...*Tensor) ([]*Tensor, error) {
	results := make([]*Tensor, len(m.out))
	if err := m.plan.Run(ctx, in, nil, results); err != nil {
		return nil, m.explain(err, in)
	}
	return results, nil
}

// RunInto computes the outputs named in out and writes them into the tensors given there, whose type and shape must be the
// result's.
func (m *Model) RunInto(ctx context.Context, in Inputs, out Outputs) error {
	values, err := m.arrange(in)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(out))
	want, err := m.selection(names)
	if err != nil {
		return err
	}
	results := make([]*Tensor, len(want))
	for k, name := range names {
		if results[k] = out[name]; results[k] == nil {
			return errs.New(errs.Output, "output %q: no tensor to write into", name)
		}
	}
	return m.explain(m.plan.Run(ctx, values, want, results), values)
}

// RunAt is [Model.Run] by position: in has a tensor for each input, nil for one left out, and out the results of the outputs that
// want numbers. Where out has a tensor, of the result's type and shape, the result is written into it; nil is replaced by the result.
func (m *Model) RunAt(ctx context.Context, in []*Tensor, want []int, out []*Tensor) error {
	if len(want) == 0 {
		return errs.New(errs.Output, "no output is asked for")
	}
	if len(want) != len(out) {
		return errs.New(errs.Output, "%d outputs are asked for, with %d places for them", len(want), len(out))
	}
	for k, i := range want {
		if i < 0 || i >= len(m.out) {
			return errs.New(errs.Output, "there is no output %d: the model has %d", i, len(m.out))
		}
		if slices.Contains(want[:k], i) {
			return errs.New(errs.Output, "output %q is asked for twice", m.out[i].Name)
		}
	}
	return m.explain(m.plan.Run(ctx, in, want, out), in)
}

// arrange puts inputs in order. What is missing is the plan's to say, since it knows what is optional.
func (m *Model) arrange(in Inputs) ([]*Tensor, error) {
	values := make([]*Tensor, len(m.in))
	for name, t := range in {
		i, ok := m.inIndex[name]
		if !ok {
			return nil, errs.New(errs.Input, "no input is called %q: expected %s", name, engine.Names(m.plan.Inputs()))
		}
		values[i] = t
	}
	return values, nil
}

func (m *Model) selection(names []string) ([]int, error) {
	want := make([]int, len(names))
	for k, name := range names {
		i, err := m.output(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(want[:k], i) {
			return nil, errs.New(errs.Output, "output %q is asked for twice", name)
		}
		want[k] = i
	}
	return want, nil
}

func (m *Model) output(name string) (int, error) {
	i, ok := m.outIndex[name]
	if !ok {
		return 0, errs.New(errs.Output, "no output is called %q: the model has %s", name, engine.Names(m.plan.Outputs()))
	}
	return i, nil
}

// explain adds to an input error what the map's metadata know about it.
func (m *Model) explain(err error, in []*Tensor) error {
	var e *errs.Error
	if err == nil || !errors.As(err, &e) || e.Code != errs.Input || e.Hint != "" {
		return err
	}
	for i, t := range in {
		if i < len(m.in) {
			if text := m.in[i].Map.explain(t); text != "" {
				return e.WithHint("%s", text)
			}
		}
	}
	return err
}

// NewSession returns a session of the model, with nothing bound to it.
func (m *Model) NewSession() (*Session, error) {
	s, err := m.plan.NewSession()
	if err != nil {
		return nil, err
	}
	return &Session{model: m, session: s}, nil
}

// EndProfile finishes the profile that [Config.WithProfile] asked for and returns the path of its file.
func (m *Model) EndProfile() (string, error) {
	if p, ok := m.plan.(engine.Profiler); ok {
		return p.EndProfile()
	}
	return "", errs.New(errs.Unavailable, "the engine %s writes no profile", m.report.Engine)
}
