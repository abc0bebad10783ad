package conformance

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

// Official is the tolerance of the official ONNX suite.
var Official = ops.Tolerance{Rel: 1e-3, Abs: 1e-7}

// Compare reports how got differs from want: in kind, element type, shape or, beyond tol, in an element. NaN equals NaN; integers,
// truth values and strings must be equal.
func Compare(got, want *graph.Tensor, tol ops.Tolerance) error {
	switch {
	case got == nil && want == nil:
		return nil
	case got == nil || want == nil:
		return fmt.Errorf("got %s want %s", got, want)
	case got.Kind != want.Kind || got.Kind != graph.TensorKind && len(got.Elems) != len(want.Elems):
		return fmt.Errorf("got %s want %s", got, want)
	case got.Kind != graph.TensorKind:
		for i, e := range got.Elems {
			if err := Compare(e, want.Elems[i], tol); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		return nil
	case got.DType != want.DType || !slices.Equal(got.Shape, want.Shape):
		return fmt.Errorf("got %s want %s", got, want)
	}
	if err := got.Check(); err != nil {
		return fmt.Errorf("got a damaged tensor: %w", err)
	}
	switch {
	case got.DType == graph.String:
		return compareEach(got, func(i int) bool { return got.Strings[i] == want.Strings[i] },
			func(t *graph.Tensor, i int) any { return t.Strings[i] }, want)
	case got.DType.IsFloat() || got.DType == graph.Complex64 || got.DType == graph.Complex128:
		g, err := reals(got)
		if err != nil {
			return err
		}
		w, err := reals(want)
		if err != nil {
			return err
		}
		return compareReals(g, w, tol)
	case bytes.Equal(got.Raw, want.Raw):
		return nil
	}
	g, err := castTo(got, graph.Int64)
	if err != nil {
		return err
	}
	w, err := castTo(want, graph.Int64)
	if err != nil {
		return err
	}
	gs, ws := graph.Data[int64](g), graph.Data[int64](w)
	return compareEach(g, func(i int) bool { return gs[i] == ws[i] },
		func(t *graph.Tensor, i int) any { return graph.Data[int64](t)[i] }, w)
}

func compareEach(got *graph.Tensor, same func(i int) bool, at func(t *graph.Tensor, i int) any, want *graph.Tensor) error {
	wrong, first := 0, -1
	n := int(got.Len())
	for i := range n {
		if !same(i) {
			if wrong++; first < 0 {
				first = i
			}
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d elements differ, first [%d]: got %v want %v", wrong, n, first, at(got, first), at(want, first))
}

// compareReals names the first and the worst element.
func compareReals(got, want []float64, tol ops.Tolerance) error {
	wrong, first, worst, excess := 0, -1, -1, 0.0
	for i, w := range want {
		g := got[i]
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		diff := math.Abs(g - w)
		if limit := tol.Abs + tol.Rel*math.Abs(w); !(diff <= limit) || math.IsInf(w, 0) {
			if wrong++; first < 0 {
				first, worst = i, i
			}
			if e := diff - limit; e > excess {
				worst, excess = i, e
			}
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d elements differ, first [%d]: got %v want %v, worst [%d]: got %v want %v",
		wrong, len(want), first, got[first], want[first], worst, got[worst], want[worst])
}

// reals reads any floating tensor as float64; complex numbers count as pairs.
func reals(t *graph.Tensor) ([]float64, error) {
	switch t.DType {
	case graph.Complex64:
		out := make([]float64, 0, 2*t.Len())
		for _, z := range graph.Data[complex64](t) {
			out = append(out, float64(real(z)), float64(imag(z)))
		}
		return out, nil
	case graph.Complex128:
		out := make([]float64, 0, 2*t.Len())
		for _, z := range graph.Data[complex128](t) {
			out = append(out, real(z), imag(z))
		}
		return out, nil
	}
	w, err := castTo(t, graph.Float64)
	if err != nil {
		return nil, err
	}
	return graph.Data[float64](w), nil
}

var castOp = ops.Standard().Newest("", "Cast")

func castTo(t *graph.Tensor, d graph.DType) (*graph.Tensor, error) {
	if t.DType == d {
		return t, nil
	}
	out, err := ops.Evaluate(castOp, graph.Attrs{"to": d}, t)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}
