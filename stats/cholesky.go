package stats

import (
	"math"
	"runtime"

	"github.com/astronnx/astronnx/internal/kernel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// choleskyBlock is the number of columns that are factored before the rest is updated by a matrix product.
const choleskyBlock = 64

// cholesky replaces the lower triangle of a symmetric matrix, n x n by rows, by its Cholesky factor; false where it is not
// positive definite. The upper triangle is left in an unknown state.
func cholesky(a []float64, n int) bool {
	block := choleskyBlock
	if !kernel.GemmVectors[float64]() {
		block = n // all of it is gonum's
	}
	for lo := 0; lo < n; lo += block {
		hi := min(lo+block, n)
		if _, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: hi - lo, Stride: n, Data: a[lo*n+lo:]}); !ok {
			return false
		}
		if hi == n {
			return true
		}
		below := blas64.General{Rows: n - hi, Cols: hi - lo, Stride: n, Data: a[hi*n+lo:]}
		blas64.Trsm(blas.Right, blas.Trans, 1, blas64.Triangular{Uplo: blas.Lower, Diag: blas.NonUnit, N: hi - lo, Stride: n, Data: a[lo*n+lo:]}, below)
		for at := hi; at < n; at += 4 * block { // columns of the rest, down from the diagonal
			end := min(at+4*block, n)
			err := kernel.Gemm(n-at, end-at, hi-lo, -1,
				kernel.Matrix[float64]{Data: a[at*n+lo:], RowStride: n, ColStride: 1},
				kernel.Matrix[float64]{Data: a[at*n+lo:], RowStride: 1, ColStride: n},
				kernel.Matrix[float64]{Data: a[at*n+at:], RowStride: n, ColStride: 1}, kernel.GemmOptions{Threads: runtime.GOMAXPROCS(0)})
			if err != nil {
				panic("stats: " + err.Error()) // sizes are ours
			}
		}
	}
	return true
}

// logDet returns the logarithm of the determinant of the matrix of which a is the Cholesky factor.
func logDet(a []float64, n int) (sum float64) {
	for i := range n {
		sum += 2 * math.Log(a[i*n+i])
	}
	return sum
}
