package ops

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// matrix is a row-major matrix in a slice, with stride elements from row to row. Transposed, it is read by columns.
type matrix[T Real] struct {
	Data       []T
	Rows, Cols int // as stored
	Stride     int
	Transposed bool
}

func (m matrix[T]) dims() (rows, cols int) {
	if m.Transposed {
		return m.Cols, m.Rows
	}
	return m.Rows, m.Cols
}

// at is the offset of an element of the matrix as it is read.
func (m matrix[T]) at(i, j int) int {
	if m.Transposed {
		return j*m.Stride + i
	}
	return i*m.Stride + j
}

// rows is the part of m, as it is read, from row lo up to hi.
func (m matrix[T]) rows(lo, hi int) matrix[T] {
	if m.Transposed {
		m.Data, m.Cols = m.Data[lo:], hi-lo
	} else {
		m.Data, m.Rows = m.Data[lo*m.Stride:], hi-lo
	}
	return m
}

// panelWork is how many multiplications a product makes between two looks at the context.
const panelWork = 1 << 26

// addProduct adds alpha·a·b to y, which is not transposed: floats by BLAS on all cores, integers by the definition. It stops when c is
// cancelled. Every matrix product of the operators comes through here.
func addProduct[T Real](c *Call, alpha T, a, b, y matrix[T]) error {
	m, k := a.dims()
	_, n := b.dims()
	if m == 0 || n == 0 || k == 0 {
		return c.Err()
	}
	panel := min(m, max(16, panelWork/(n*k)))
	for lo := 0; lo < m; lo += panel {
		if err := c.Err(); err != nil {
			return err
		}
		hi := min(lo+panel, m)
		multiply(alpha, a.rows(lo, hi), b, y.rows(lo, hi))
	}
	return nil
}

func multiply[T Real](alpha T, a, b, y matrix[T]) {
	switch data := any(y.Data).(type) {
	case []float32:
		blas32.Gemm(flag(a), flag(b), float32(alpha), general32(any(a).(matrix[float32])), general32(any(b).(matrix[float32])),
			1, blas32.General{Rows: y.Rows, Cols: y.Cols, Stride: y.Stride, Data: data})
	case []float64:
		blas64.Gemm(flag(a), flag(b), float64(alpha), general64(any(a).(matrix[float64])), general64(any(b).(matrix[float64])),
			1, blas64.General{Rows: y.Rows, Cols: y.Cols, Stride: y.Stride, Data: data})
	default:
		m, k := a.dims()
		_, n := b.dims()
		for i := range m {
			for l := range k {
				f := alpha * a.Data[a.at(i, l)]
				for j := range n {
					y.Data[y.at(i, j)] += f * b.Data[b.at(l, j)]
				}
			}
		}
	}
}

func flag[T Real](m matrix[T]) blas.Transpose {
	if m.Transposed {
		return blas.Trans
	}
	return blas.NoTrans
}

func general32(m matrix[float32]) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}

func general64(m matrix[float64]) blas64.General {
	return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}
