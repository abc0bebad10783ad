package ops

import (
	"runtime"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/astronnx/astronnx/internal/kernel"
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

// addProduct adds alpha·a·b to y, which is not transposed: floats on all cores, integers by the definition. It stops when
// c is cancelled. Every matrix product of the operators comes through here or through addWindows.
func addProduct[T Real](c *Call, alpha T, a, b, y matrix[T]) error {
	m, k := a.dims()
	_, n := b.dims()
	if m == 0 || n == 0 || k == 0 {
		return c.Err()
	}
	switch any(alpha).(type) {
	case float32:
		return addFloats(c, float32(alpha), any(a).(matrix[float32]), any(b).(matrix[float32]), any(y).(matrix[float32]))
	case float64:
		return addFloats(c, float64(alpha), any(a).(matrix[float64]), any(b).(matrix[float64]), any(y).(matrix[float64]))
	}
	for i := range m {
		if err := c.Err(); err != nil {
			return err
		}
		for l := range k {
			f := alpha * a.Data[a.at(i, l)]
			for j := range n {
				y.Data[y.at(i, j)] += f * b.Data[b.at(l, j)]
			}
		}
	}
	return nil
}

// The kernel copies what it multiplies, to read it in order. A product of few numbers, or of a vector, is faster without.
const fewNumbers, largeVector = 1 << 11, 1 << 24

func addFloats[T kernel.Float](c *Call, alpha T, a, b, y matrix[T]) error {
	m, k := a.dims()
	_, n := b.dims()
	few := m*n*k <= fewNumbers || min(m, n) == 1 && m*n*k <= largeVector
	if (few || !kernel.GemmVectors[T]()) && b.finite() {
		return addByBLAS(c, alpha, a, b, y)
	}
	return kernel.Gemm(m, n, k, alpha, strided(a), strided(b), strided(y), gemmOptions(c))
}

// finite reports whether m holds neither NaN nor infinities, which gonum's BLAS drops where they meet a zero.
func (m matrix[T]) finite() bool {
	for i := range m.Rows {
		for _, v := range m.Data[i*m.Stride:][:m.Cols] {
			if v-v != 0 {
				return false
			}
		}
	}
	return true
}

// panelWork is about how many multiplications gonum's BLAS makes between two looks at the context.
const panelWork = 1 << 26

func addByBLAS[T kernel.Float](c *Call, alpha T, a, b, y matrix[T]) error {
	m, k := a.dims()
	_, n := b.dims()
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

func multiply[T kernel.Float](alpha T, a, b, y matrix[T]) {
	switch any(alpha).(type) {
	case float32:
		blas32.Gemm(flag(a), flag(b), float32(alpha), general32(any(a).(matrix[float32])),
			general32(any(b).(matrix[float32])), 1, general32(any(y).(matrix[float32])))
	case float64:
		blas64.Gemm(flag(a), flag(b), float64(alpha), general64(any(a).(matrix[float64])),
			general64(any(b).(matrix[float64])), 1, general64(any(y).(matrix[float64])))
	}
}

func gemmOptions(c *Call) kernel.GemmOptions {
	return kernel.GemmOptions{Threads: runtime.GOMAXPROCS(0), Stop: c.Err}
}

func strided[T kernel.Float](m matrix[T]) kernel.Matrix[T] {
	if m.Transposed {
		return kernel.Matrix[T]{Data: m.Data, RowStride: 1, ColStride: m.Stride}
	}
	return kernel.Matrix[T]{Data: m.Data, RowStride: m.Stride, ColStride: 1}
}

// windows is what a window sees of an image as it slides, a matrix never written down: what its element l reads at position j is
// Image[Element[l]+Position[j]].
type windows[T Real] struct {
	Image             []T
	Element, Position []int64
}

// addWindows adds a·w to y, as addProduct does.
func addWindows[T Real](c *Call, a matrix[T], w windows[T], y matrix[T]) error {
	switch any(w.Image).(type) {
	case []float32:
		return windowFloats(c, any(a).(matrix[float32]), any(w).(windows[float32]), any(y).(matrix[float32]))
	case []float64:
		return windowFloats(c, any(a).(matrix[float64]), any(w).(windows[float64]), any(y).(matrix[float64]))
	}
	for i := range a.Rows {
		if err := c.Err(); err != nil {
			return err
		}
		for l, e := range w.Element {
			f := a.Data[a.at(i, l)]
			for j, p := range w.Position {
				y.Data[y.at(i, j)] += f * w.Image[e+p]
			}
		}
	}
	return nil
}

func windowFloats[T kernel.Float](c *Call, a matrix[T], w windows[T], y matrix[T]) error {
	seen := kernel.Matrix[T]{Data: w.Image, RowAt: w.Element, ColAt: w.Position}
	return kernel.Gemm(a.Rows, len(w.Position), len(w.Element), 1, strided(a), seen, strided(y), gemmOptions(c))
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
