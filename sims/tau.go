package sims

import (
	"bytes"
	_ "embed" // the table of spectra
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sky"
	"gonum.org/v1/gonum/interp"
)

// camb_tau.npz is written by data/camb_tau.py, which tells the cosmology.
//
//go:embed data/camb_tau.npz
var tauTable []byte

// Bounds of TauSpectra.
const (
	TauMin, TauMax = 0.01, 0.13
	TauLmax        = 191
)

// tauSplines holds an interpolation in tau for each of TT, EE, BB, TE and each l.
var tauSplines = sync.OnceValues(func() (splines [4][TauLmax + 1]interp.NotAKnotCubic, err error) {
	list, err := sky.ReadArraysFrom(bytes.NewReader(tauTable), 0)
	if err != nil {
		return splines, err
	}
	arrays := map[string][]float64{}
	for _, a := range list {
		arrays[a.Name] = graph.Data[float64](a)
	}
	tau, cl := arrays["tau"], arrays["cl"]
	values := make([]float64, len(tau))
	for i := range splines {
		for l := range splines[i] {
			for k := range tau {
				values[k] = cl[(k*4+i)*(TauLmax+1)+l]
			}
			if err := splines[i][l].Fit(tau, values); err != nil {
				return splines, err
			}
		}
	}
	return splines, nil
})

// TauSpectra returns the CMB's lensed C_l in µK², l = 0 to 191, of an optical depth from 0.01 to 0.13: CAMB's, in a cosmology
// that is otherwise fixed, A_s included, interpolated to 2e-4 in between. H0 67.32, Ω_b h² 0.02237, Ω_c h² 0.1201, n_s
// 0.9651, Σm_ν 0.06 eV, A_s 2.1e-9, no tensors.
func TauSpectra(tau float64) (*sht.Spectra, error) {
	if !(tau >= TauMin && tau <= TauMax) {
		return nil, errs.New(errs.Input, "sims: tau %v: want %v to %v", tau, TauMin, TauMax)
	}
	splines, err := tauSplines()
	if err != nil {
		return nil, err
	}
	var cl [4][]float64
	for i := range cl {
		cl[i] = make([]float64, TauLmax+1)
		for l := 2; l <= TauLmax; l++ {
			cl[i][l] = splines[i][l].Predict(tau)
		}
	}
	return &sht.Spectra{TT: cl[0], EE: cl[1], BB: cl[2], TE: cl[3]}, nil
}

// PeakSpectrum returns exp(-(l - peak)²/(2·5²)) + 1e-5, l = 0 to lmax, without monopole and dipole: the spectrum of the first
// test of Krachmalnicoff & Tomasi 2019, A&A 628, A129.
func PeakSpectrum(peak float64, lmax int) []float64 {
	cl := make([]float64, lmax+1)
	for l := 2; l <= lmax; l++ {
		d := (float64(l) - peak) / 5
		cl[l] = gauss(d) + 1e-5
	}
	return cl
}
