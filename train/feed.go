package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// A feed takes the fields of a dataset to the inputs of a step.
type feed struct {
	ports []port
}

// port is one input: the field that it comes from, and its own memory where the element types differ.
type port struct {
	name    string
	field   int
	type_   *graph.Type
	classes int64
	room    *graph.Tensor
}

// newFeed finds the field of every input by its name, and says all that does not fit.
func newFeed(fields []dataset.Field, s *Step) (*feed, error) {
	f := &feed{}
	add := func(name string, classes int64) error {
		p := port{name: name, type_: s.Model.Graph.Input(name).Type, classes: classes}
		p.field = slices.IndexFunc(fields, func(f dataset.Field) bool { return f.Name == name })
		if p.field < 0 {
			return errs.New(errs.Input, "the data have no field %q: there are %s", name, fieldNames(fields)).
				WithHint("name fields as the network's inputs %v and the loss's targets %v, see dataset.Rename", s.Batch, targetNames(s.Targets))
		}
		have, want := fields[p.field], p.type_.Sizes()[1:]
		if !slices.Equal(have.Shape, want) {
			return errs.New(errs.Input, "field %q: expected samples of shape %v, got %v", name, want, have.Shape)
		}
		if have.DType != p.type_.DType {
			if !have.DType.IsFloat() && !have.DType.IsInt() || have.DType.IsFloat() && !p.type_.DType.IsFloat() {
				return errs.New(errs.Input, "field %q: expected %s, got %s", name, p.type_.DType, have.DType)
			}
			p.room = graph.NewTensor(p.type_.DType, p.type_.Sizes()...)
		}
		f.ports = append(f.ports, p)
		return nil
	}
	for _, name := range s.Batch {
		if err := add(name, 0); err != nil {
			return nil, err
		}
	}
	for _, t := range s.Targets {
		if err := add(t.Name, t.Classes); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func fieldNames(fields []dataset.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

func targetNames(targets []Target) []string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name
	}
	return names
}

// set gives a step the tensors of a batch, one a field. index numbers the samples in the dataset, for messages.
func (f *feed) set(set func(name string, t *graph.Tensor) error, tensors []*graph.Tensor, index []int) error {
	for i := range f.ports {
		p := &f.ports[i]
		t := tensors[p.field]
		if p.classes > 0 {
			if err := p.checkLabels(t, index); err != nil {
				return err
			}
		}
		if p.room != nil {
			if err := convert(p.room, t); err != nil {
				return errs.New(errs.Input, "field %q: %w", p.name, err)
			}
			t = p.room
		}
		if err := set(p.name, t); err != nil {
			return err
		}
	}
	return nil
}

func (p *port) checkLabels(t *graph.Tensor, index []int) error {
	per := int(t.Len()) / max(len(index), 1)
	for i := range int(t.Len()) {
		if c, err := element(t, i); err != nil || c < 0 || c >= float64(p.classes) {
			return errs.New(errs.Input, "sample %d: field %q holds class %v, expected 0 to %d", index[i/per], p.name, c, p.classes-1)
		}
	}
	return nil
}

// convert writes the numbers of src into dst.
func convert(dst, src *graph.Tensor) error {
	if len(dst.Shape) == 0 || dst.Len() != src.Len() {
		return fmt.Errorf("expected %s, got %s", dst, src)
	}
	for i := range int(src.Len()) {
		x, err := element(src, i)
		if err != nil {
			return err
		}
		switch dst.DType {
		case graph.Float32:
			graph.Data[float32](dst)[i] = float32(x)
		case graph.Float64:
			graph.Data[float64](dst)[i] = x
		case graph.Int64:
			graph.Data[int64](dst)[i] = int64(x)
		case graph.Int32:
			graph.Data[int32](dst)[i] = int32(x)
		default:
			return fmt.Errorf("no conversion to %s", dst.DType)
		}
	}
	return nil
}

// element is one number of a tensor.
func element(t *graph.Tensor, i int) (float64, error) {
	switch t.DType {
	case graph.Float32:
		return float64(graph.Data[float32](t)[i]), nil
	case graph.Float64:
		return graph.Data[float64](t)[i], nil
	case graph.Float16:
		return float64(graph.Data[float16.Float16](t)[i].Float32()), nil
	case graph.Int64:
		return float64(graph.Data[int64](t)[i]), nil
	case graph.Int32:
		return float64(graph.Data[int32](t)[i]), nil
	case graph.Int16:
		return float64(graph.Data[int16](t)[i]), nil
	case graph.Int8:
		return float64(graph.Data[int8](t)[i]), nil
	case graph.Uint8:
		return float64(graph.Data[uint8](t)[i]), nil
	case graph.Bool:
		if graph.Data[bool](t)[i] {
			return 1, nil
		}
		return 0, nil
	}
	return math.NaN(), fmt.Errorf("no numbers in a %s", t.DType)
}
