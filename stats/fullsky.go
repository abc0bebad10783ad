package stats

import (
	"math"

	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
)

// FullSky is the exact likelihood of Gaussian maps of the full sky, which depends on them by their spectra alone:
//
//	-2 ln L = Σ_l (2l+1) (tr(Ĉ_l C_l⁻¹) + ln det C_l)
//
// (Hamimeche & Lewis 2008, PRD 77, 103013), where C_l is the covariance of the fields. The fields are those of the observed
// spectra that are not nil: T, E and B in any choice.
type FullSky struct {
	Observed *sht.Spectra // of maps with noise
	Lmin     int          // at least 2 where E or B is observed
	Lmax     int
}

// matrix is a covariance of up to three fields; their number goes with it.
type matrix [3][3]float64

// fields returns which of T, E and B are there.
func fields(s *sht.Spectra) (list []int) {
	for i, cl := range [][]float64{s.TT, s.EE, s.BB} {
		if cl != nil {
			list = append(list, i)
		}
	}
	return list
}

// at returns the covariance of the fields at l.
func at(s *sht.Spectra, list []int, l int) (c matrix) {
	of := [3][3][]float64{{s.TT, s.TE, s.TB}, {s.TE, s.EE, s.EB}, {s.TB, s.EB, s.BB}}
	for i, f := range list {
		for j, g := range list {
			if cl := of[f][g]; l < len(cl) {
				c[i][j] = cl[l]
			}
		}
	}
	return c
}

// root returns the Cholesky factor of c and the logarithm of its determinant.
func (c matrix) root(n int) (r matrix, logDet float64, ok bool) {
	for i := range n {
		for j := 0; j <= i; j++ {
			v := c[i][j]
			for k := range j {
				v -= r[i][k] * r[j][k]
			}
			if i != j {
				r[i][j] = v / r[j][j]
				continue
			}
			if !(v > 0) {
				return r, 0, false
			}
			r[i][i] = math.Sqrt(v)
			logDet += math.Log(v)
		}
	}
	return r, logDet, true
}

// solve returns the inverse of the covariance of which r is the factor, times m.
func (r matrix) solve(n int, m matrix) matrix {
	for col := range n {
		for i := range n {
			for k := range i {
				m[i][col] -= r[i][k] * m[k][col]
			}
			m[i][col] /= r[i][i]
		}
		for i := n - 1; i >= 0; i-- {
			for k := i + 1; k < n; k++ {
				m[i][col] -= r[k][i] * m[k][col]
			}
			m[i][col] /= r[i][i]
		}
	}
	return m
}

func (c matrix) trace(n int) (sum float64) {
	for i := range n {
		sum += c[i][i]
	}
	return sum
}

// LogLike returns -2 ln L of a model of the observed spectra, noise and beam included. A model without positive definite
// covariance is an error.
func (f *FullSky) LogLike(model *sht.Spectra) (float64, error) {
	list := fields(f.Observed)
	if len(list) == 0 || f.Lmin < 0 || f.Lmin > f.Lmax || f.Lmax > min(f.Observed.Lmax(), model.Lmax()) {
		return 0, errs.New(errs.Input, "stats: l = %d to %d of %d fields, observed to l = %d, a model to l = %d", f.Lmin, f.Lmax, len(list),
			f.Observed.Lmax(), model.Lmax())
	}
	sum := 0.0
	for l := f.Lmin; l <= f.Lmax; l++ {
		r, logDet, ok := at(model, list, l).root(len(list))
		if !ok {
			return 0, singular(l)
		}
		sum += float64(2*l+1) * (r.solve(len(list), at(f.Observed, list, l)).trace(len(list)) + logDet)
	}
	return sum, nil
}

func singular(l int) error {
	return errs.New(errs.Input, "stats: the model's covariance at l = %d is not positive definite", l).
		WithHint("add noise to the spectra, leave out l that have no power, or fields that are 0")
}

// Fisher returns the standard deviation of the best unbiased estimate of a parameter from the full sky, by
//
//	1/σ² = Σ_l (2l+1)/2 tr(C⁻¹ C' C⁻¹ C')
//
// (Tegmark et al. 1997, ApJ 480, 22), with derivatives from models at x-h and x+h. On a cut sky σ grows about as 1/√f_sky.
// Fields are those of the model that are not nil.
func Fisher(model func(x float64) (*sht.Spectra, error), x, h float64, lmin, lmax int) (sigma float64, err error) {
	var s [3]*sht.Spectra
	for i := range s {
		if s[i], err = model(x + float64(i-1)*h); err != nil {
			return 0, err
		}
	}
	list := fields(s[1])
	n := len(list)
	if !(h > 0) || n == 0 || lmin < 0 || lmin > lmax || lmax > s[1].Lmax() {
		return 0, errs.New(errs.Input, "stats: steps of %v, l = %d to %d of models to l = %d", h, lmin, lmax, s[1].Lmax())
	}
	sum := 0.0
	for l := lmin; l <= lmax; l++ {
		r, _, ok := at(s[1], list, l).root(n)
		if !ok {
			return 0, singular(l)
		}
		low, high := at(s[0], list, l), at(s[2], list, l)
		for i := range n {
			for j := range n {
				high[i][j] = (high[i][j] - low[i][j]) / (2 * h)
			}
		}
		d := r.solve(n, high)
		for i := range n {
			for j := range n {
				sum += float64(2*l+1) / 2 * d[i][j] * d[j][i]
			}
		}
	}
	return 1 / math.Sqrt(sum), nil
}

// AddNoise returns the spectra with the power of white noise added to those of TT, EE and BB that are not nil: sigma is the
// standard deviation of a pixel of the given area, in T and in Q and U.
func AddNoise(s *sht.Spectra, sigmaT, sigmaP, area float64) *sht.Spectra {
	add := func(cl []float64, sigma float64) []float64 {
		var out []float64
		for _, v := range cl {
			out = append(out, v+sigma*sigma*area)
		}
		return out
	}
	n := *s
	n.TT, n.EE, n.BB = add(s.TT, sigmaT), add(s.EE, sigmaP), add(s.BB, sigmaP)
	return &n
}
