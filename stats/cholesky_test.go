package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestCholesky(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 5, 64, 65, 200, 400} {
		a := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i {
				a.SetSym(i, j, r.NormFloat64())
			}
			a.SetSym(i, i, 2*float64(n))
		}
		var want mat.Cholesky
		if !want.Factorize(a) {
			t.Fatal("the case is not positive definite")
		}
		var l mat.TriDense
		want.LTo(&l)
		full := mat.DenseCopyOf(a).RawMatrix().Data
		if !cholesky(full, n) {
			t.Fatalf("n %d: not positive definite", n)
		}
		for i := range n {
			for j := range i + 1 {
				if d := math.Abs(full[i*n+j] - l.At(i, j)); d > 1e-12*math.Sqrt(float64(n)) {
					t.Fatalf("n %d: factor %d, %d is %v want %v", n, i, j, full[i*n+j], l.At(i, j))
				}
			}
		}
		if d := math.Abs(logDet(full, n) - want.LogDet()); d > 1e-10*float64(n) {
			t.Errorf("n %d: logarithm of the determinant off by %v", n, d)
		}
		a.SetSym(n-1, n-1, -1)
		if cholesky(mat.DenseCopyOf(a).RawMatrix().Data, n) {
			t.Errorf("n %d: a matrix that is not positive definite has a factor", n)
		}
	}
}
