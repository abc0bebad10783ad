package stats_test

import (
	"fmt"

	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/stats"
)

// How well the full sky without noise can tell the optical depth, from its E modes.
func ExampleFisher() {
	sigma, err := stats.Fisher(func(tau float64) (*sht.Spectra, error) {
		s, err := sims.TauSpectra(tau)
		if err != nil {
			return nil, err
		}
		return &sht.Spectra{EE: s.EE}, nil
	}, 0.06, 1e-3, 2, 47)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.5f\n", sigma)
	// Output: 0.00215
}
