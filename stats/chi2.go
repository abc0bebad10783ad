package stats

import (
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// PseudoCl returns the cross spectra of two maps, [npix] of T or [3][npix] of T, Q and U, each pixel times its weight, divided
// by the mean of the weights' square: on a cut sky the expected spectra, smeared over neighbouring l and between E and B.
// A map with itself gives its spectra, noise included; two maps of one sky with noise of their own give spectra without
// noise.
func PseudoCl(p *sht.Plan, a, b, weight []float64, iter int) (*sht.Spectra, error) {
	npix := p.Npix()
	if len(weight) != npix {
		return nil, errs.New(errs.Input, "stats: %d weights: want %d", len(weight), npix)
	}
	square := 0.0
	for _, w := range weight {
		square += w * w / float64(npix)
	}
	if !(square > 0) {
		return nil, errs.New(errs.Input, "stats: no pixel has weight")
	}
	seen := func(m []float64) []float64 {
		out := make([]float64, len(m))
		for i := range m {
			if w := weight[i%npix]; w != 0 { // UNSEEN pixels have no weight
				out[i] = w * m[i]
			}
		}
		return out
	}
	s, err := p.Cross(seen(a), seen(b), iter)
	if err != nil {
		return nil, err
	}
	for _, cl := range s.All() {
		for l := range cl {
			cl[l] /= square
		}
	}
	return s, nil
}

// Chi2 is the χ² of a vector of data, as bins of a cross spectrum, whose covariance is estimated from simulations. It is
// immutable.
type Chi2 struct {
	Mean   []float64 // of the simulations
	root   mat.Cholesky
	factor float64
}

// NewChi2 takes the simulations' data, more than their length plus 2. The inverse of the covariance is made unbiased (Hartlap
// et al. 2007, A&A 464, 399).
func NewChi2(samples [][]float64) (*Chi2, error) {
	n := len(samples)
	if n == 0 || n < len(samples[0])+3 {
		return nil, errs.New(errs.Input, "stats: %d simulations for a covariance: want 3 more than there are data", n)
	}
	p := len(samples[0])
	data := mat.NewDense(n, p, nil)
	c := &Chi2{Mean: make([]float64, p), factor: float64(n-p-2) / float64(n-1)}
	for i, s := range samples {
		if len(s) != p {
			return nil, errs.New(errs.Input, "stats: simulation %d has %d data, the first %d", i, len(s), p)
		}
		data.SetRow(i, s)
		for j, v := range s {
			c.Mean[j] += v / float64(n)
		}
	}
	var cov mat.SymDense
	stat.CovarianceMatrix(&cov, data, nil)
	if !c.root.Factorize(&cov) {
		return nil, errs.New(errs.Input, "stats: the simulations' covariance is not positive definite").
			WithHint("leave out data that do not vary or that others determine")
	}
	return c, nil
}

// Of returns the χ² of data under a model. It panics where their lengths are not those of the simulations.
func (c *Chi2) Of(data, model []float64) float64 {
	if len(data) != len(c.Mean) || len(model) != len(c.Mean) {
		panic("stats: data of another length than the simulations'")
	}
	d := mat.NewVecDense(len(data), nil)
	for i := range data {
		d.SetVec(i, data[i]-model[i])
	}
	var v mat.VecDense
	if err := c.root.SolveVecTo(&v, d); err != nil {
		panic("stats: " + err.Error())
	}
	return c.factor * mat.Dot(d, &v)
}
