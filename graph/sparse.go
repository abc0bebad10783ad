package graph

import (
	"fmt"
	"slices"
)

// Sparse is a sparse constant: Values [nnz] at linearised Indices [nnz] or coordinates [nnz, rank] of a dense Shape, in ascending
// order.
type Sparse struct {
	Values, Indices *Tensor
	Shape           []int64
}

// Check reports how s breaks its description; nil if it does not. Values that are not loaded are not looked at.
func (s *Sparse) Check() error {
	if s == nil || s.Values == nil || s.Indices == nil {
		return fmt.Errorf("a sparse constant lacks values or indices")
	}
	for _, t := range []*Tensor{s.Values, s.Indices} {
		if err := t.Check(); err != nil {
			return err
		}
	}
	size, ok := NumElements(s.Shape)
	if !ok {
		return fmt.Errorf("shape %v is negative or overflows", s.Shape)
	}
	if s.Values.Kind != TensorKind || len(s.Values.Shape) != 1 {
		return fmt.Errorf("sparse values are %s, want a vector", s.Values)
	}
	n, rank := s.Values.Shape[0], int64(len(s.Shape))
	linear := slices.Equal(s.Indices.Shape, []int64{n})
	if s.Indices.DType != Int64 || !linear && !slices.Equal(s.Indices.Shape, []int64{n, rank}) {
		return fmt.Errorf("sparse indices are %s, want int64[%d] or int64[%d %d]", s.Indices, n, n, rank)
	}
	if !s.Indices.Loaded() {
		return nil
	}
	if linear {
		last := int64(-1)
		for i, x := range Data[int64](s.Indices) {
			if x <= last || x >= size {
				return fmt.Errorf("sparse index %d is %d: not ascending or outside shape %v", i, x, s.Shape)
			}
			last = x
		}
		return nil
	}
	return s.checkCoordinates(int(n))
}

func (s *Sparse) checkCoordinates(n int) error {
	x, rank := Data[int64](s.Indices), len(s.Shape)
	for i := range n {
		at := x[i*rank : (i+1)*rank]
		for k, c := range at {
			if c < 0 || c >= s.Shape[k] {
				return fmt.Errorf("sparse coordinate %d is %v: outside shape %v", i, at, s.Shape)
			}
		}
		if i > 0 && slices.Compare(x[(i-1)*rank:i*rank], at) >= 0 {
			return fmt.Errorf("sparse coordinate %d is %v: not ascending", i, at)
		}
	}
	return nil
}
