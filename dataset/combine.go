package dataset

import (
	"context"
	"slices"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Zip returns the dataset whose sample i has the fields of all the sets' samples i.
func Zip(sets ...Dataset) (Dataset, error) {
	z := &zipped{sets: sets}
	for _, ds := range sets {
		if ds.Len() != sets[0].Len() {
			return nil, errs.New(errs.Input, "datasets of %d and %d samples: want as many in all", sets[0].Len(), ds.Len())
		}
		z.fields = append(z.fields, ds.Fields()...)
	}
	if err := checkFields(z.fields); err != nil {
		return nil, err
	}
	return z, nil
}

type zipped struct {
	sets   []Dataset
	fields []Field
}

func (z *zipped) Len() int        { return z.sets[0].Len() }
func (z *zipped) Fields() []Field { return z.fields }

func (z *zipped) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(z, index, into); err != nil {
		return err
	}
	for _, ds := range z.sets {
		n := len(ds.Fields())
		if err := ds.Read(ctx, index, into[:n]); err != nil {
			return err
		}
		into = into[n:]
	}
	return nil
}

// Select returns the dataset whose sample i is sample index[i] of ds: a part of [Split], or samples in another order.
func Select(ds Dataset, index []int) (Dataset, error) {
	for _, i := range index {
		if i < 0 || i >= ds.Len() {
			return nil, errs.New(errs.Input, "sample %d: the dataset has 0 to %d", i, ds.Len()-1)
		}
	}
	return &selected{Dataset: ds, index: slices.Clone(index)}, nil
}

type selected struct {
	Dataset
	index   []int
	scratch sync.Pool // of *[]int
}

func (s *selected) Len() int { return len(s.index) }

func (s *selected) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(s, index, into); err != nil {
		return err
	}
	p, ok := s.scratch.Get().(*[]int)
	if !ok {
		p = new([]int)
	}
	defer s.scratch.Put(p)
	*p = (*p)[:0]
	for _, i := range index {
		*p = append(*p, s.index[i])
	}
	return s.Dataset.Read(ctx, *p, into)
}

// Pick returns the dataset of the named fields of ds, in that order. The others are read and dropped.
func Pick(ds Dataset, names ...string) (Dataset, error) {
	p := &picked{Dataset: ds, scratch: buffers{fields: ds.Fields()}}
	for _, name := range names {
		i, err := fieldIndex(ds.Fields(), name)
		if err != nil {
			return nil, err
		}
		p.from = append(p.from, i)
		p.fields = append(p.fields, ds.Fields()[i])
	}
	if err := checkFields(p.fields); err != nil {
		return nil, err
	}
	return p, nil
}

type picked struct {
	Dataset
	fields  []Field
	from    []int // the position in the dataset of each field
	scratch buffers
}

func (p *picked) Fields() []Field { return p.fields }

func (p *picked) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(p, index, into); err != nil {
		return err
	}
	b := p.scratch.get()
	defer p.scratch.put(b)
	all := b.batch(len(index))
	if err := p.Dataset.Read(ctx, index, all); err != nil {
		return err
	}
	for k, i := range p.from {
		copy(into[k].Raw, all[i].Raw)
	}
	return nil
}

// Rename returns ds with other names for some of its fields, given as old name to new.
func Rename(ds Dataset, names map[string]string) (Dataset, error) {
	fields := slices.Clone(ds.Fields())
	for old, name := range names {
		i, err := fieldIndex(ds.Fields(), old)
		if err != nil {
			return nil, err
		}
		fields[i].Name = name
	}
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	return &renamed{ds, fields}, nil
}

type renamed struct {
	Dataset
	fields []Field
}

func (r *renamed) Fields() []Field { return r.fields }

// Map returns the dataset whose samples are f of those of ds: out has the given fields. The tensors have no batch axis; out holds
// anything when f is called. The function depends on its input alone and serves many goroutines at once; for what is drawn at random
// in every epoch see [Augment].
func Map(ds Dataset, fields []Field, f func(in, out []*graph.Tensor) error) (Dataset, error) {
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	m := &mapped{Dataset: ds, f: f, in: buffers{fields: ds.Fields()}, out: buffers{fields: slices.Clone(fields)}}
	return m, nil
}

type mapped struct {
	Dataset
	f       func(in, out []*graph.Tensor) error
	in, out buffers
}

func (m *mapped) Fields() []Field { return m.out.fields }

func (m *mapped) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if err := checkRead(m, index, into); err != nil {
		return err
	}
	in, out := m.in.get(), m.out.get()
	defer m.in.put(in)
	defer m.out.put(out)
	batch := in.batch(len(index))
	if err := m.Dataset.Read(ctx, index, batch); err != nil {
		return err
	}
	for k := range index {
		if err := m.f(in.sample(batch, k), out.sample(into, k)); err != nil {
			return err
		}
	}
	return nil
}
