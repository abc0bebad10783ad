package sht

import (
	"math"
	"math/rand/v2"

	"github.com/astronnx/astronnx/internal/errs"
)

// Spectra are angular power spectra C_l from l = 0, of the square of the maps' unit. A nil spectrum is 0; those that are not
// are of one length.
type Spectra struct{ TT, EE, BB, TE, EB, TB []float64 }

// All returns the spectra in healpy's order: TT, EE, BB, TE, EB, TB.
func (s *Spectra) All() [6][]float64 { return [6][]float64{s.TT, s.EE, s.BB, s.TE, s.EB, s.TB} }

// Lmax returns the largest l of the spectra, -1 where there are none.
func (s *Spectra) Lmax() int {
	lmax := -1
	for _, cl := range s.All() {
		lmax = max(lmax, len(cl)-1)
	}
	return lmax
}

// at returns cl[l], 0 where cl is nil.
func at(cl []float64, l int) float64 {
	if l >= len(cl) {
		return 0
	}
	return cl[l]
}

// Map2AlmTQU computes alm [3][Size(lmax)] of T, E and B from a map [3][npix] of T, Q and U; see Map2AlmTo.
func (p *Plan) Map2AlmTQU(alm []complex128, tqu []float64, iter int) error {
	if err := p.three(alm, tqu); err != nil {
		return err
	}
	if err := p.Map2AlmTo(alm[:p.Size()], tqu[:p.Npix()], iter); err != nil {
		return err
	}
	return p.Map2AlmSpin2To(alm[p.Size():], tqu[p.Npix():], iter)
}

// Alm2MapTQU computes a map [3][npix] of T, Q and U from alm [3][Size(lmax)] of T, E and B.
func (p *Plan) Alm2MapTQU(tqu []float64, alm []complex128) error {
	if err := p.three(alm, tqu); err != nil {
		return err
	}
	if err := p.Alm2MapTo(tqu[:p.Npix()], alm[:p.Size()]); err != nil {
		return err
	}
	return p.Alm2MapSpin2To(tqu[p.Npix():], alm[p.Size():])
}

func (p *Plan) three(alm []complex128, tqu []float64) error {
	if len(tqu) != 3*p.Npix() || len(alm) != 3*p.Size() {
		return errs.New(errs.Input, "sht: %d pixels and %d alm: want 3 x %d of T, Q, U and 3 x %d of T, E, B", len(tqu), len(alm),
			p.Npix(), p.Size())
	}
	return nil
}

// Anafast returns the spectra of a map, [npix] of temperature or [3][npix] of T, Q and U, as healpy's anafast: UNSEEN pixels
// count as 0 and nothing is divided by the fraction of the sky that is seen.
func (p *Plan) Anafast(maps []float64, iter int) (*Spectra, error) { return p.Cross(maps, maps, iter) }

// Cross returns the cross spectra of two maps; see Anafast. TE is of the first's T and the second's E, and so on.
func (p *Plan) Cross(a, b []float64, iter int) (*Spectra, error) {
	first, err := p.fields(a, iter)
	if err != nil {
		return nil, err
	}
	second := first
	if &a[0] != &b[0] || len(a) != len(b) {
		if second, err = p.fields(b, iter); err != nil {
			return nil, err
		}
	}
	if len(first) != len(second) {
		return nil, errs.New(errs.Input, "sht: spectra across maps of %d and %d fields", len(first), len(second))
	}
	s := &Spectra{TT: Alm2Cl(first[0], second[0])}
	if len(first) == 3 {
		s.EE, s.BB = Alm2Cl(first[1], second[1]), Alm2Cl(first[2], second[2])
		s.TE, s.EB, s.TB = Alm2Cl(first[0], second[1]), Alm2Cl(first[1], second[2]), Alm2Cl(first[0], second[2])
	}
	return s, nil
}

// fields returns the alm of T, or of T, E and B.
func (p *Plan) fields(maps []float64, iter int) ([][]complex128, error) {
	n := p.Size()
	if len(maps) == p.Npix() {
		alm := make([]complex128, n)
		return [][]complex128{alm}, p.Map2AlmTo(alm, maps, iter)
	}
	alm := make([]complex128, 3*n)
	err := p.Map2AlmTQU(alm, maps, iter)
	return [][]complex128{alm[:n], alm[n : 2*n], alm[2*n:]}, err
}

// SynalmTo draws Gaussian alm of the spectra's covariance: [3][Size(lmax)] of T, E and B, [2][Size(lmax)] of E and B or
// [1][Size(lmax)] of T, as the length of alm says. l follows l, so that the same draws give the same large scales whatever
// lmax. Spectra that end below lmax, or that no Gaussian field can have, are an error.
func SynalmTo(alm []complex128, s *Spectra, lmax int, random *rand.Rand) error {
	size := Size(max(lmax, 0))
	fields := len(alm) / size
	if lmax < 0 || fields < 1 || fields > 3 || fields*size != len(alm) {
		return errs.New(errs.Input, "sht: %d alm: want 1, 2 or 3 times %d, of lmax %d", len(alm), size, lmax)
	}
	for i, cl := range s.All() {
		if cl != nil && len(cl) <= lmax {
			return errs.New(errs.Input, "sht: spectrum %s ends at l = %d, before lmax = %d", [...]string{"TT", "EE", "BB", "TE", "EB", "TB"}[i],
				len(cl)-1, lmax)
		}
	}
	for l := 0; l <= lmax; l++ {
		root, err := s.root(l, fields)
		if err != nil {
			return err
		}
		for m := 0; m <= l; m++ {
			var draw [3]complex128
			for f := range fields {
				if m == 0 {
					draw[f] = complex(random.NormFloat64(), 0)
				} else {
					re, im := random.NormFloat64(), random.NormFloat64()
					draw[f] = complex(re*math.Sqrt2/2, im*math.Sqrt2/2)
				}
			}
			for f := range fields {
				var v complex128
				for g := 0; g <= f; g++ {
					v += complex(root[f][g], 0) * draw[g]
				}
				alm[f*size+Index(lmax, l, m)] = v
			}
		}
	}
	return nil
}

// root returns the Cholesky factor of the covariance at l, of T, E, B, of E, B or of T; rows of fields that are 0 are 0.
func (s *Spectra) root(l, fields int) (r [3][3]float64, err error) {
	tt, ee, bb, te, eb, tb := at(s.TT, l), at(s.EE, l), at(s.BB, l), at(s.TE, l), at(s.EB, l), at(s.TB, l)
	c := [3][3]float64{{tt, te, tb}, {te, ee, eb}, {tb, eb, bb}}
	if fields == 2 {
		c = [3][3]float64{{ee, eb}, {eb, bb}}
	}
	for i := range fields {
		for j := 0; j <= i; j++ {
			v := c[i][j]
			for k := range j {
				v -= r[i][k] * r[j][k]
			}
			switch small := 1e-12 * math.Sqrt(math.Abs(c[i][i]*c[j][j])); {
			case i == j && v < -small || math.IsNaN(v) || math.IsInf(v, 0):
				return r, errs.New(errs.Input, "sht: the spectra at l = %d are no covariance of Gaussian fields", l)
			case i == j:
				r[i][i] = math.Sqrt(max(v, 0))
			case r[j][j] > 0:
				r[i][j] = v / r[j][j]
			case math.Abs(v) > small:
				return r, errs.New(errs.Input, "sht: a cross spectrum at l = %d is larger than its fields allow", l)
			}
		}
	}
	return r, nil
}
