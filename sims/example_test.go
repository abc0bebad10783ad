package sims_test

import (
	"context"
	"fmt"
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/sims"
)

// Maps to learn the optical depth from: Q and U of two channels with noise of 0.5 µK a pixel, a mask, a beam of 4°.
func Example() {
	mask, err := sims.BandMask(16, 0.54)
	if err != nil {
		panic(err)
	}
	sky, err := sims.New(sims.Config{
		Nside: 16, Stokes: sims.QU, Len: 100_000, Seed: 1,
		Params:   []sims.Param{{Name: "tau", Low: 0.03, High: 0.08}},
		Spectra:  func(p []float64) (*sht.Spectra, error) { return sims.TauSpectra(p[0]) },
		Window:   sims.Gaussian(4*math.Pi/180, 47),
		Channels: []sims.Channel{{White: sims.White{P: 0.5}}, {White: sims.White{P: 0.5}}},
		Mask:     mask,
	})
	if err != nil {
		panic(err)
	}
	maps, params := graph.NewTensor(graph.Float32, 2, 4, 3072), graph.NewTensor(graph.Float32, 2, 1)
	if err := sky.Read(context.Background(), []int{0, 99_999}, []*graph.Tensor{maps, params}); err != nil {
		panic(err)
	}
	fmt.Printf("%.4f\n", graph.Data[float32](params))
	// Output: [0.0452 0.0341]
}
