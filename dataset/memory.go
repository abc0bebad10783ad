package dataset

import (
	"context"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Memory returns the dataset of tensors whose first axis counts samples; each tensor's name is its field's. The dataset reads the
// tensors' memory, which must not change meanwhile.
func Memory(tensors ...*graph.Tensor) (Dataset, error) {
	m := &memory{tensors: tensors}
	for i, t := range tensors {
		if t == nil || t.Kind != graph.TensorKind || len(t.Shape) == 0 {
			return nil, errs.New(errs.Input, "tensor %d is %s: want a first axis that counts samples", i, t)
		}
		if err := t.Check(); err != nil {
			return nil, errs.New(errs.Input, "field %q: %w", t.Name, err)
		}
		if !t.Loaded() {
			return nil, errs.New(errs.Input, "field %q was not read from its file", t.Name)
		}
		if first := tensors[0]; t.Shape[0] != first.Shape[0] {
			return nil, errs.New(errs.Input, "field %q has %d samples, field %q has %d: want as many", t.Name, t.Shape[0], first.Name,
				first.Shape[0])
		}
		m.fields = append(m.fields, Field{Name: t.Name, DType: t.DType, Shape: slices.Clone(t.Shape[1:])})
	}
	if err := checkFields(m.fields); err != nil {
		return nil, err
	}
	m.n = int(tensors[0].Shape[0])
	return m, nil
}

type memory struct {
	tensors []*graph.Tensor
	fields  []Field
	n       int
}

func (m *memory) Len() int        { return m.n }
func (m *memory) Fields() []Field { return m.fields }

func (m *memory) Read(_ context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(m, index, into); err != nil {
		return err
	}
	for f, t := range m.tensors {
		size := m.fields[f].bytes()
		for k, i := range index {
			copy(into[f].Raw[k*size:(k+1)*size], t.Raw[i*size:])
		}
	}
	return nil
}

// loaded is how many samples are read at a time where all are wanted.
const loaded = 256

// Load reads all samples of ds into memory, once, for data that cost more to make or to read than to keep.
func Load(ctx context.Context, ds Dataset) (Dataset, error) {
	tensors, err := ReadAll(ctx, ds)
	if err != nil {
		return nil, err
	}
	return Memory(tensors...)
}

// ReadAll returns all samples of ds: a tensor for each field, of its name, whose first axis counts samples.
func ReadAll(ctx context.Context, ds Dataset) ([]*graph.Tensor, error) {
	return readRange(ctx, ds, 0, ds.Len(), func(int) {})
}

// readRange reads samples from and up to to, and tells how many of them are read.
func readRange(ctx context.Context, ds Dataset, from, to int, read func(n int)) ([]*graph.Tensor, error) {
	tensors := make([]*graph.Tensor, len(ds.Fields()))
	for f, field := range ds.Fields() {
		tensors[f] = graph.NewTensor(field.DType, append([]int64{int64(to - from)}, field.Shape...)...)
		tensors[f].Name = field.Name
	}
	for at := from; at < to; at += loaded {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		index := make([]int, min(loaded, to-at))
		for k := range index {
			index[k] = at + k
		}
		into := make([]*graph.Tensor, len(tensors))
		for f, field := range ds.Fields() {
			part := *tensors[f]
			part.Shape = append([]int64{int64(len(index))}, field.Shape...)
			part.Raw = tensors[f].Raw[(at-from)*field.bytes():][:len(index)*field.bytes()]
			into[f] = &part
		}
		if err := ds.Read(ctx, index, into); err != nil {
			return nil, err
		}
		read(at - from + len(index))
	}
	return tensors, nil
}

// Generate returns the dataset of a function that writes sample i into one tensor a field, without a batch axis. The tensors hold
// anything when it is called. The function depends on i alone, draws at random from [RNG] of it, and serves many goroutines at once.
func Generate(n int, fields []Field, f func(ctx context.Context, i int, into []*graph.Tensor) error) (Dataset, error) {
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errs.New(errs.Input, "%d samples to generate: want none or more", n)
	}
	return &generated{n: n, f: f, scratch: buffers{fields: slices.Clone(fields)}}, nil
}

type generated struct {
	n       int
	f       func(ctx context.Context, i int, into []*graph.Tensor) error
	scratch buffers
}

func (g *generated) Len() int        { return g.n }
func (g *generated) Fields() []Field { return g.scratch.fields }

func (g *generated) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(g, index, into); err != nil {
		return err
	}
	b := g.scratch.get()
	defer g.scratch.put(b)
	for k, i := range index {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.f(ctx, i, b.sample(into, k)); err != nil {
			return err
		}
	}
	return nil
}

// InMemory reports whether reading samples costs no more than copying them: none is read from a file or computed.
func InMemory(ds Dataset) bool {
	switch d := ds.(type) {
	case *memory:
		return true
	case *selected:
		return InMemory(d.Dataset)
	case *picked:
		return InMemory(d.Dataset)
	case *renamed:
		return InMemory(d.Dataset)
	case *zipped:
		for _, s := range d.sets {
			if !InMemory(s) {
				return false
			}
		}
		return true
	}
	return false
}
