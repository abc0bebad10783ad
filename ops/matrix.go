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

// part is m, as it is read, in the rows and columns of two ranges.
func (m matrix[T]) part(rows, cols [2]int) matrix[T] {
	m.Data = m.Data[m.at(rows[0], cols[0]):]
	if m.Transposed {
		rows, cols = cols, rows
	}
	m.Rows, m.Cols = rows[1]-rows[0], cols[1]-cols[0]
	return m
}

// panelWork is about how many multiplications a product makes between two looks at the context.
const panelWork = 1 << 26

// addProduct adds alpha·a·b to y, which is not transposed: floats by BLAS on all cores, integers by the definition. It
// stops when c is cancelled. Every matrix product of the operators comes through here.
func addProduct[T Real](c *Call, alpha T, a, b, y matrix[T]) error {
	m, k := a.dims()
	_, n := b.dims()
	if m == 0 || n == 0 || k == 0 {
		return c.Err()
	}
	rows := min(m, max(64, panelWork/(n*k)))
	cols := min(n, max(64, panelWork/(rows*k)))
	deep := min(k, max(64, panelWork/(rows*cols)))
	for i := 0; i < m; i += rows {
		for j := 0; j < n; j += cols {
			for l := 0; l < k; l += deep {
				if err := c.Err(); err != nil {
					return err
				}
				im, jn, lk := [2]int{i, min(i+rows, m)}, [2]int{j, min(j+cols, n)}, [2]int{l, min(l+deep, k)}
				multiply(alpha, a.part(im, lk), b.part(lk, jn), y.part(im, jn))
			}
		}
	}
	return nil
}

func multiply[T Real](alpha T, a, b, y matrix[T]) {
	switch any(y.Data).(type) {
	case []float32:
		blas32.Gemm(flag(a), flag(b), float32(alpha), general32(any(a).(matrix[float32])),
			general32(any(b).(matrix[float32])), 1, general32(any(y).(matrix[float32])))
	case []float64:
		blas64.Gemm(flag(a), flag(b), float64(alpha), general64(any(a).(matrix[float64])),
			general64(any(b).(matrix[float64])), 1, general64(any(y).(matrix[float64])))
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
