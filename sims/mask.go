package sims

import (
	"cmp"
	"math"
	"slices"

	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
)

// BandMask sees the fraction fsky of the sky that is farthest from the equator: a band of constant width is cut, as a galaxy
// along the equator asks for. Of pixels at one latitude the first in RING order are seen where not all can be.
func BandMask(nside int, fsky float64) ([]bool, error) {
	return highest(nside, fsky, func(g healpix.Grid, p int) float64 { return math.Abs(g.Pix2Vec(p)[2]) })
}

// DiscMask sees the fraction fsky of the sky that is closest to the direction of v.
func DiscMask(nside int, fsky float64, v [3]float64) ([]bool, error) {
	return highest(nside, fsky, func(g healpix.Grid, p int) float64 {
		u := g.Pix2Vec(p)
		return u[0]*v[0] + u[1]*v[1] + u[2]*v[2]
	})
}

// RandomMask sees the fraction fsky of the sky where a Gaussian field of a seed, smooth over some 20°, is highest: regions of
// random shape.
func RandomMask(nside int, fsky float64, seed uint64) ([]bool, error) {
	const lmax = 24
	p, err := sht.NewPlan(nside, lmax)
	if err != nil {
		return nil, err
	}
	cl := make([]float64, lmax+1)
	for l := 1; l <= lmax; l++ {
		cl[l] = math.Exp(-float64(l*l) / 50)
	}
	alm, field := make([]complex128, p.Size()), make([]float64, p.Npix())
	if err := sht.SynalmTo(alm, &sht.Spectra{TT: cl}, lmax, random(seed, 0, drawMask)); err != nil {
		return nil, err
	}
	if err := p.Alm2MapTo(field, alm); err != nil {
		return nil, err
	}
	return highest(nside, fsky, func(_ healpix.Grid, p int) float64 { return field[p] })
}

// highest sees the round(fsky npix) pixels of the highest values.
func highest(nside int, fsky float64, value func(g healpix.Grid, p int) float64) ([]bool, error) {
	g, err := healpix.New(nside, healpix.Ring)
	if err != nil {
		return nil, errs.New(errs.Input, "sims: %w", err)
	}
	if !(fsky >= 0 && fsky <= 1) {
		return nil, errs.New(errs.Input, "sims: a mask of f_sky %v: want 0 to 1", fsky)
	}
	values, order := make([]float64, g.Npix()), make([]int, g.Npix())
	for p := range order {
		values[p], order[p] = value(g, p), p
	}
	slices.SortStableFunc(order, func(p, q int) int { return cmp.Compare(values[q], values[p]) })
	mask := make([]bool, g.Npix())
	for _, p := range order[:int(math.Round(fsky*float64(g.Npix())))] {
		mask[p] = true
	}
	return mask, nil
}
