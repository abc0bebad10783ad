package dataset

import (
	"context"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Field describes one tensor of a sample: its shape has no batch axis.
type Field struct {
	Name  string
	DType graph.DType
	Shape []int64
}

// Dataset is a number of samples that all have the same fields.
type Dataset interface {
	// Len returns the number of samples.
	Len() int

	// Fields returns what a sample consists of. The caller does not change it.
	Fields() []Field

	// Read writes the samples of the given indices: into[i] has the type of field i and shape [len(index), Shape...], and its row k
	// becomes sample index[k]. An index may be out of order and may repeat. What is in into after an error is undefined. Many
	// goroutines may read at once.
	Read(ctx context.Context, index []int, into []*graph.Tensor) error
}

// bytes returns the size of the field in one sample.
func (f *Field) bytes() int {
	n, _ := graph.NumElements(f.Shape)
	return int(n) * f.DType.Bits() / 8
}

// checkFields reports what cannot be the fields of a sample: at least one, each with a name of its own, a fixed shape and elements of
// whole bytes.
func checkFields(fields []Field) error {
	if len(fields) == 0 {
		return errs.New(errs.Input, "a dataset without fields: want at least one")
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Name == "" || seen[f.Name] {
			return errs.New(errs.Input, "field name %q is empty or used twice: want every name once", f.Name).
				WithHint("see Rename")
		}
		seen[f.Name] = true
		n, ok := graph.NumElements(f.Shape)
		size, fits := graph.ByteSize(f.DType, n)
		if !ok || !fits || f.DType.Bits() < 8 || size > 1<<40 {
			return errs.New(errs.Input, "field %q is %s%v: want numbers of a fixed shape", f.Name, f.DType, f.Shape)
		}
	}
	return nil
}

// checkRead reports how a call of Read contradicts the dataset.
func checkRead(ds Dataset, index []int, into []*graph.Tensor) error {
	fields, n := ds.Fields(), ds.Len()
	if len(into) != len(fields) {
		return errs.New(errs.Input, "%d tensors to read into: want %d, one a field", len(into), len(fields))
	}
	for i := range fields {
		f, t := &fields[i], into[i]
		if t.DType != f.DType || len(t.Shape) == 0 || t.Shape[0] != int64(len(index)) || !slices.Equal(t.Shape[1:], f.Shape) ||
			len(t.Raw) != len(index)*f.bytes() {
			return errs.New(errs.Input, "field %q into %s: want %s of %d samples of shape %v", f.Name, t, f.DType, len(index), f.Shape)
		}
	}
	for _, i := range index {
		if i < 0 || i >= n {
			return errs.New(errs.Input, "sample %d: the dataset has 0 to %d", i, n-1)
		}
	}
	return nil
}

// fieldIndex returns the position of a named field.
func fieldIndex(fields []Field, name string) (int, error) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		have := make([]string, len(fields))
		for k, f := range fields {
			have[k] = f.Name
		}
		return 0, errs.New(errs.Input, "no field %q", name).WithHint("the dataset has %q", have)
	}
	return i, nil
}
