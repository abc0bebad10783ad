package sht_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/astronnx/astronnx/healpix/sht"
)

// A Gaussian sky of a given spectrum, and the spectrum that it happens to have.
func Example() {
	cl := make([]float64, 48)
	for l := 2; l < len(cl); l++ {
		cl[l] = 1 / float64(l*(l+1))
	}
	plan, err := sht.NewPlan(16, 47)
	if err != nil {
		panic(err)
	}
	alm := make([]complex128, plan.Size())
	if err := sht.SynalmTo(alm, &sht.Spectra{TT: cl}, 47, rand.New(rand.NewPCG(1, 0))); err != nil {
		panic(err)
	}
	sky := make([]float64, plan.Npix())
	if err := plan.Alm2MapTo(sky, alm); err != nil {
		panic(err)
	}
	spectra, err := plan.Anafast(sky, 3)
	if err != nil {
		panic(err)
	}
	fmt.Printf("l = 10: %.4f of the sky, %.4f of the ensemble\n", spectra.TT[10], cl[10])
	// Output: l = 10: 0.0067 of the sky, 0.0091 of the ensemble
}
