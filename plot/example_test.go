package plot_test

import (
	"fmt"
	"io"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
)

func ExampleMollweide() {
	m := &sky.Map{Nside: 1, Order: healpix.Ring, Columns: []sky.Column{
		{Name: "T", Unit: "mK", Data: graph.Vector[float32](0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, healpix.Unseen)},
	}}
	f, err := plot.FromMap(m, "T")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = plot.Mollweide(io.Discard, f, plot.Options{Title: "Twelve pixels", Palette: plot.BlueRed, Graticule: true, Width: 300})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleCurves() {
	epoch := []float64{0, 1, 2, 3}
	err := plot.Curves(io.Discard, []plot.Curve{
		{Name: "training", X: epoch, Y: []float64{1, 0.3, 0.1, 0.02}},
		{Name: "validation", X: epoch, Y: []float64{1.1, 0.4, 0.2, 0.19}},
	}, plot.CurveOptions{XLabel: "epoch", YLabel: "loss"})
	fmt.Println(err)
	// Output: <nil>
}
