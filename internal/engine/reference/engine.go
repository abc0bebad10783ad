package reference

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Engine runs models by the definitions of Set, nil: the standard operators and the fused ones. It has one provider, the CPU.
type Engine struct{ Set *ops.Set }

// Name is "reference".
func (Engine) Name() string { return "reference" }

// Compile makes a plan of m. The plan shares m's constants, which must not change from then on. Of the options it heeds Ops,
// MemoryLimit, Bodies and Provider; the others have no meaning here.
func (e Engine) Compile(m *graph.Model, o engine.Options) (engine.Plan, error) {
	set := e.Set
	if set == nil {
		set = ops.Standard().With(ops.Fused())
	}
	if o.Ops != nil {
		set = set.With(o.Ops)
	}
	why := "asked for"
	if o.Provider != "" && o.Provider != engine.CPU {
		if !o.Fallback {
			return nil, errs.New(errs.Unavailable, "the reference engine runs on the CPU, not on %s", o.Provider).
				WithHint("use onnxruntime with this provider, or allow the fall back to the CPU")
		}
		why = fmt.Sprintf("%s is not available to this engine", o.Provider)
	}
	prog, err := compile(m, set, o.Bodies)
	if err != nil {
		return nil, err
	}
	p := &plan{prog: prog, limit: o.MemoryLimit}
	p.in, p.out = engine.Ports(m)
	for i, v := range m.Graph.Inputs {
		if !slices.ContainsFunc(p.in, func(q engine.Port) bool { return q.Name == v.Name }) {
			continue
		}
		p.at = append(p.at, i)
	}
	p.report = engine.Report{Engine: "reference", Provider: engine.CPU, Threads: goruntime.GOMAXPROCS(0), Why: why,
		Kernels: customKernels(m, set)}
	return p, nil
}

// customKernels counts the nodes of operators outside the standard domain.
func customKernels(m *graph.Model, set *ops.Set) []engine.Kernel {
	count := map[string]*engine.Kernel{}
	var order []string
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		if n.Domain == "" {
			return true
		}
		k := count[n.OpName()]
		if k == nil {
			op := set.Find(n.Domain, n.Op, m.Opsets[n.Domain])
			k = &engine.Kernel{Op: n.OpName(), Native: op != nil && op.Eval != nil}
			count[n.OpName()], order = k, append(order, n.OpName())
		}
		k.Nodes++
		return true
	})
	kernels := make([]engine.Kernel, len(order))
	for i, name := range order {
		kernels[i] = *count[name]
	}
	return kernels
}

type plan struct {
	prog    *program
	in, out []engine.Port
	at      []int // input i of the plan is input at[i] of the program
	limit   int64
	report  engine.Report
	closed  atomic.Bool
}

func (p *plan) Inputs() []engine.Port  { return p.in }
func (p *plan) Outputs() []engine.Port { return p.out }
func (p *plan) Report() engine.Report  { return p.report }
func (p *plan) Close() error           { p.closed.Store(true); return nil }

func (p *plan) Run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error {
	if want == nil {
		if want = make([]int, len(p.out)); len(out) != len(want) {
			return errs.New(errs.Output, "room for %d outputs, the model has %d", len(out), len(want))
		}
		for i := range want {
			want[i] = i
		}
	}
	if len(out) != len(want) {
		return errs.New(errs.Output, "room for %d outputs, %d are wanted", len(out), len(want))
	}
	for _, w := range want {
		if w < 0 || w >= len(p.out) {
			return errs.New(errs.Output, "output %d of a model that has %d", w, len(p.out))
		}
	}
	results, mem, err := p.compute(ctx, in)
	if err != nil {
		return err
	}
	for i, w := range want {
		if out[i] == nil {
			out[i] = mem.own(results[w])
		} else if err := copyTo(out[i], results[w], p.out[w].Name); err != nil {
			return err
		}
	}
	return nil
}

// compute checks the inputs and runs the program.
func (p *plan) compute(ctx context.Context, in []*graph.Tensor) ([]*graph.Tensor, *pool, error) {
	if p.closed.Load() {
		return nil, nil, errs.New(errs.Closed, "the plan is closed")
	}
	if len(in) != len(p.in) {
		return nil, nil, errs.New(errs.Input, "%d inputs, the model has %d: %s", len(in), len(p.in), engine.Names(p.in))
	}
	all := make([]*graph.Tensor, len(p.prog.inputs))
	for i, t := range in {
		if err := p.in[i].CheckInput(t); err != nil {
			return nil, nil, err
		}
		if t == nil && !p.in[i].Optional {
			t = graph.Optional(nil)
		}
		all[p.at[i]] = wrapOptional(p.in[i].Type, t)
	}
	mem := newPool(p.limit)
	results, err := p.prog.run(ctx, all, nil, mem, false)
	return results, mem, err
}

// wrapOptional gives a plain value to an input that takes an optional one.
func wrapOptional(want *graph.Type, t *graph.Tensor) *graph.Tensor {
	if want != nil && want.Kind == graph.OptionalKind && t != nil && t.Kind != graph.OptionalKind {
		return graph.Optional(t)
	}
	return t
}

// own returns a result that shares memory with nothing: t itself if the run made it and it was not asked for before, else a copy.
func (m *pool) own(t *graph.Tensor) *graph.Tensor {
	if t.Kind == graph.TensorKind && len(t.Raw) > 0 {
		if _, ours := m.refs[unsafe.SliceData(t.Raw)]; ours {
			m.pin(t)
			return t
		}
	}
	return t.Clone()
}

// copyTo puts a result into the caller's tensor.
func copyTo(dst, t *graph.Tensor, name string) error {
	if dst.Kind != t.Kind || dst.DType != t.DType || t.Kind == graph.TensorKind && !slices.Equal(dst.Shape, t.Shape) {
		return errs.New(errs.Output, "output %q is %s, the tensor for it is %s", name, t, dst)
	}
	copy(dst.Raw, t.Raw)
	copy(dst.Strings, t.Strings)
	if t.Kind != graph.TensorKind {
		dst.Elems = t.Clone().Elems
	}
	return nil
}

func (p *plan) NewSession() (engine.Session, error) {
	if p.closed.Load() {
		return nil, errs.New(errs.Closed, "the plan is closed")
	}
	return &session{plan: p, in: make([]*graph.Tensor, len(p.in)), bound: make([]*graph.Tensor, len(p.out)),
		feed: map[int]int{}}, nil
}

// session keeps the results of the last run. Keep needs nothing done: results already are in this process.
type session struct {
	plan    *plan
	in      []*graph.Tensor
	bound   []*graph.Tensor
	results []*graph.Tensor
	feed    map[int]int // input → output
	closed  bool
}

func (s *session) SetInput(i int, t *graph.Tensor) error {
	if i < 0 || i >= len(s.in) {
		return errs.New(errs.Input, "input %d of a model that has %d", i, len(s.in))
	}
	if t != nil {
		if err := s.plan.in[i].CheckInput(t); err != nil {
			return err
		}
	}
	s.in[i] = t
	return nil
}

func (s *session) checkOutput(i int) error {
	if i < 0 || i >= len(s.bound) {
		return errs.New(errs.Output, "output %d of a model that has %d", i, len(s.bound))
	}
	return nil
}

func (s *session) SetOutput(i int, t *graph.Tensor) error {
	if err := s.checkOutput(i); err != nil {
		return err
	}
	s.bound[i] = t
	return nil
}

func (s *session) Keep(i int) error { return s.checkOutput(i) }

func (s *session) Feed(in, out int) error {
	if err := s.checkOutput(out); err != nil {
		return err
	}
	if s.results == nil {
		return errs.New(errs.Output, "output %q has no value before the first run", s.plan.out[out].Name)
	}
	t := s.results[out]
	if s.bound[out] != nil {
		t = t.Clone() // the next run writes into it
	}
	return s.SetInput(in, t)
}

func (s *session) Run(ctx context.Context) error {
	if s.closed {
		return errs.New(errs.Closed, "the session is closed")
	}
	results, mem, err := s.plan.compute(ctx, s.in)
	if err != nil {
		return err
	}
	for i, t := range results {
		if s.bound[i] == nil {
			results[i] = mem.own(t)
			continue
		}
		if err := copyTo(s.bound[i], t, s.plan.out[i].Name); err != nil {
			return err
		}
		results[i] = s.bound[i]
	}
	s.results = results
	return nil
}

func (s *session) Output(i int) *graph.Tensor {
	if s.results == nil || i < 0 || i >= len(s.results) {
		return nil
	}
	return s.results[i]
}

func (s *session) Close() error { s.closed, s.results = true, nil; return nil }
