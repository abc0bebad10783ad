package engine

import (
	"slices"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Ports returns the inputs and outputs of a model as a caller sees them: constants are no inputs, and since IR version 4 an input
// that also has a constant is optional, the constant being its default.
func Ports(m *graph.Model) (in, out []Port) {
	for _, v := range m.Graph.Inputs {
		constant := slices.Contains(m.Graph.Initializers, v)
		if constant && m.IRVersion < 4 {
			continue
		}
		in = append(in, Port{Name: v.Name, Type: v.Type, Optional: constant})
	}
	for _, v := range m.Graph.Outputs {
		out = append(out, Port{Name: v.Name, Type: v.Type})
	}
	return in, out
}

// CheckInput reports how t does not fit the port, nil if it does. Sizes that the type leaves open are not compared.
func (p *Port) CheckInput(t *graph.Tensor) error {
	if t == nil {
		if p.Optional || p.Type != nil && p.Type.Kind == graph.OptionalKind {
			return nil
		}
		return errs.New(errs.Input, "input %q (%s) is missing", p.Name, p.Type)
	}
	if p.Type == nil || fits(p.Type, t) {
		if t.Kind == graph.TensorKind && t.DType != graph.String {
			if n, ok := graph.NumElements(t.Shape); ok {
				if size, ok := graph.ByteSize(t.DType, n); ok && size == int64(len(t.Raw)) {
					return nil
				}
			}
		}
		if err := t.Check(); err != nil {
			return errs.New(errs.Input, "input %q: %w", p.Name, err)
		}
		return nil
	}
	return errs.New(errs.Input, "input %q: expected %s, got %s", p.Name, p.Type, t)
}

// CheckOutput reports why t cannot receive the output in place, nil if it can.
func (p *Port) CheckOutput(t *graph.Tensor) error {
	if t.Kind != graph.TensorKind || t.DType == graph.String {
		return errs.New(errs.Output, "output %q: only tensors of numbers can be written in place, not %s", p.Name, t)
	}
	if p.Type != nil && !fits(p.Type, t) {
		return errs.New(errs.Output, "output %q: expected %s, got %s", p.Name, p.Type, t)
	}
	if err := t.Check(); err != nil {
		return errs.New(errs.Output, "output %q: %w", p.Name, err)
	}
	return nil
}

// CopyOutput copies a result into t, which must have its type and shape.
func (p *Port) CopyOutput(t, result *graph.Tensor) error {
	if err := p.CheckOutput(t); err != nil {
		return err
	}
	if t.DType != result.DType || !slices.Equal(t.Shape, result.Shape) {
		return errs.New(errs.Output, "output %q: expected %s, got %s", p.Name, result, t)
	}
	copy(t.Raw, result.Raw)
	return nil
}

func fits(want *graph.Type, t *graph.Tensor) bool {
	if want == nil {
		return true
	}
	if want.Kind == graph.OptionalKind && t.Kind != graph.OptionalKind {
		return fits(want.Of, t)
	}
	if want.Kind != t.Kind {
		return false
	}
	switch want.Kind {
	case graph.TensorKind:
		if want.DType != graph.Undefined && want.DType != t.DType {
			return false
		}
		if want.Shape == nil {
			return true
		}
		if len(want.Shape) != len(t.Shape) {
			return false
		}
		for i, d := range want.Shape {
			if d.Known() && d.Size != t.Shape[i] {
				return false
			}
		}
	case graph.SequenceKind, graph.OptionalKind:
		for _, e := range t.Elems {
			if e == nil || !fits(want.Of, e) {
				return false
			}
		}
	}
	return true
}

// Names lists the ports' names for a message.
func Names(ports []Port) string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
