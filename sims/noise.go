package sims

import (
	"math/rand/v2"

	"github.com/astronnx/astronnx/internal/errs"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Correlated is noise whose pixels know of each other. It is safe for use by many goroutines.
type Correlated interface {
	// Len returns the number of pixels of all fields.
	Len() int
	// Add draws a realisation and adds it to m.
	Add(m []float64, r *rand.Rand)
}

// Dense is Gaussian noise of a given covariance.
type Dense struct {
	n      int
	pixels []int
	root   mat.TriDense
}

// NewDense returns the noise of a covariance between the given pixels, positions in maps of n pixels of all fields, as Q before
// U; nil pixels are all n. The other pixels have none. The covariance must be positive definite; its Cholesky factor takes
// 8 len² bytes and len³/3 multiplications: a minute for the 6144 of Q and U at nside 16.
func NewDense(n int, pixels []int, cov mat.Symmetric) (*Dense, error) {
	want := n
	if pixels != nil {
		want = len(pixels)
	}
	if got := cov.SymmetricDim(); got != want {
		return nil, errs.New(errs.Input, "sims: a covariance of %d pixels: want %d", got, want)
	}
	for _, p := range pixels {
		if p < 0 || p >= n {
			return nil, errs.New(errs.Input, "sims: a covariance of pixel %d: there are 0 to %d", p, n-1)
		}
	}
	var c mat.Cholesky
	if !c.Factorize(cov) {
		return nil, errs.New(errs.Input, "sims: the covariance is not positive definite").
			WithHint("leave out pixels without noise, or add a small number to the diagonal")
	}
	d := &Dense{n: n, pixels: pixels}
	c.LTo(&d.root)
	return d, nil
}

// Len returns the number of pixels of a map.
func (d *Dense) Len() int { return d.n }

// Add adds a realisation to m.
func (d *Dense) Add(m []float64, r *rand.Rand) {
	root := d.root.RawTriangular()
	z := blas64.Vector{N: root.N, Data: make([]float64, root.N), Inc: 1}
	for i := range z.Data {
		z.Data[i] = r.NormFloat64()
	}
	blas64.Trmv(blas.NoTrans, root, z)
	for i, v := range z.Data {
		if d.pixels != nil {
			i = d.pixels[i]
		}
		m[i] += v
	}
}
