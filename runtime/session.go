package runtime

import (
	"context"

	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

// Session is a model with tensors bound to its inputs and outputs. One goroutine uses it at a time. Run reads and writes the bound
// tensors in place, again and again, and does not allocate.
//
//	s.SetInput("x", x)
//	s.SetOutput("y", y)
//	for next(graph.Data[float32](x)) {
//		if err := s.Run(ctx); err != nil { … }
//		use(graph.Data[float32](y))
//	}
//
// A session holds on to the context of its last run until the next run or Close.
type Session struct {
	model   *Model
	session engine.Session
}

func (s *Session) input(name string) (int, error) {
	i, ok := s.model.inIndex[name]
	if !ok {
		return 0, errs.New(errs.Input, "no input is called %q: expected %s", name, engine.Names(s.model.plan.Inputs()))
	}
	return i, nil
}

// SetInput binds t to an input: every run reads its memory as it is then. Nil unbinds.
func (s *Session) SetInput(name string, t *Tensor) error {
	i, err := s.input(name)
	if err != nil {
		return err
	}
	if err := s.session.SetInput(i, t); err != nil {
		values := make([]*Tensor, i+1)
		values[i] = t
		return s.model.explain(err, values)
	}
	return nil
}

// SetOutput binds t to an output: every run writes into its memory. Type and shape must be the result's. With nil, the default, the
// engine allocates at each run.
func (s *Session) SetOutput(name string, t *Tensor) error {
	i, err := s.model.output(name)
	if err != nil {
		return err
	}
	return s.session.SetOutput(i, t)
}

// Keep leaves an output on the device where it is computed, for Feed. Output returns nil for it.
func (s *Session) Keep(output string) error {
	i, err := s.model.output(output)
	if err != nil {
		return err
	}
	return s.session.Keep(i)
}

// Feed makes what the last run computed for an output the value of an input, without a copy: for state that passes from step to
// step. The output must not be bound to a tensor, and is taken: it has no value until the next run.
func (s *Session) Feed(input, output string) error {
	i, err := s.input(input)
	if err != nil {
		return err
	}
	k, err := s.model.output(output)
	if err != nil {
		return err
	}
	return s.session.Feed(i, k)
}

// Run computes all outputs from the bound inputs.
func (s *Session) Run(ctx context.Context) error { return s.session.Run(ctx) }

// Output returns an output of the last run: the bound tensor, or one over memory of the engine, valid until the next Run, Feed or
// Close. It is nil if there is no such output or it is kept on a device.
func (s *Session) Output(name string) *Tensor {
	if i, ok := s.model.outIndex[name]; ok {
		return s.session.Output(i)
	}
	return nil
}

// Close releases the session. Closing again does nothing.
func (s *Session) Close() error { return s.session.Close() }
