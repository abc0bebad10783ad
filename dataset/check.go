package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/x448/float16"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// CheckOptions say what values are right in a dataset.
type CheckOptions struct {
	Classes map[string]int // integer fields that are labels: 0 to the number less one
	NaN     []string       // fields in which NaN is no error
}

// Check reads every sample once and returns what would spoil a training: no samples, NaN, infinity, a label that is no class. The error
// is errs.Input and names the first such sample, its field and its value.
func Check(ctx context.Context, ds Dataset, opt CheckOptions) error {
	fields := ds.Fields()
	for name := range opt.Classes {
		i, err := fieldIndex(fields, name)
		if err != nil {
			return err
		}
		if !fields[i].DType.IsInt() {
			return errs.New(errs.Input, "labels %q are %s: want integers", name, fields[i].DType)
		}
	}
	for _, name := range opt.NaN {
		if _, err := fieldIndex(fields, name); err != nil {
			return err
		}
	}
	checked, err := Map(ds, []Field{{Name: "checked", DType: graph.Bool}}, func(in, _ []*graph.Tensor) error {
		for _, t := range in {
			if err := checkValues(t, opt); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l, err := NewLoader(checked, 1, LoaderOptions{})
	if err != nil {
		return err
	}
	if err := l.Start(ctx, 0, 0); err != nil {
		return err
	}
	defer l.Stop()
	for range l.Len() {
		if _, err := l.Next(); err != nil {
			return err
		}
	}
	return nil
}

func checkValues(t *graph.Tensor, opt CheckOptions) error {
	if n, ok := opt.Classes[t.Name]; ok {
		i, v := outside(t, n)
		if i >= 0 {
			return errs.New(errs.Input, "field %q: label %s%s: want 0 to %d", t.Name, v, place(t, i), n-1)
		}
	}
	i, v := -1, 0.0
	nan := !slices.Contains(opt.NaN, t.Name)
	switch t.DType {
	case graph.Float32:
		i, v = notFinite(graph.Data[float32](t), nan)
	case graph.Float64:
		i, v = notFinite(graph.Data[float64](t), nan)
	case graph.Float16:
		for k, h := range graph.Data[float16.Float16](t) {
			if h.IsInf(0) || nan && h.IsNaN() {
				i, v = k, float64(h.Float32())
				break
			}
		}
	}
	if i >= 0 {
		return errs.New(errs.Input, "field %q: %g%s: want finite numbers", t.Name, v, place(t, i))
	}
	return nil
}

func notFinite[T float32 | float64](data []T, nan bool) (int, float64) {
	for i, v := range data {
		if v-v != 0 && (nan || v == v) { // ∞ - ∞ is NaN
			return i, float64(v)
		}
	}
	return -1, 0
}

// outside returns the first label that is not in [0, n), -1 if all are.
func outside(t *graph.Tensor, n int) (int, string) {
	size := t.DType.Bits() / 8
	for i := 0; i < len(t.Raw)/size; i++ {
		u := uint64(0)
		for b, x := range t.Raw[i*size : (i+1)*size] {
			u |= uint64(x) << (8 * b)
		}
		if signed := t.DType == graph.Int8 || t.DType == graph.Int16 || t.DType == graph.Int32 || t.DType == graph.Int64; signed {
			if v := int64(u) << (64 - 8*size) >> (64 - 8*size); v < 0 || v >= int64(n) {
				return i, fmt.Sprint(v)
			}
		} else if u >= uint64(n) {
			return i, fmt.Sprint(u)
		}
	}
	return -1, ""
}

// place tells where element i stands, nothing for a single number.
func place(t *graph.Tensor, i int) string {
	if len(t.Shape) == 0 {
		return ""
	}
	at := make([]int64, len(t.Shape))
	rest := int64(i)
	for axis := len(at) - 1; axis >= 0; axis-- {
		at[axis] = rest % t.Shape[axis]
		rest /= t.Shape[axis]
	}
	return fmt.Sprintf(" at %d", at)
}
