package healpix_test

import (
	"fmt"
	"log"
	"math"

	"github.com/astronnx/astronnx/healpix"
)

func ExampleGrid() {
	g, err := healpix.New(64, healpix.Nested)
	if err != nil {
		log.Fatal(err)
	}
	p := g.Ang2Pix(math.Pi/3, math.Pi/4)
	fmt.Println(g, "has", g.Npix(), "pixels; this direction is in", p, "or, in RING,", g.Convert(p, healpix.Ring))
	fmt.Println("around it:", g.Neighbours(p))
	// Output:
	// NEST nside 64 has 49152 pixels; this direction is in 874 or, in RING, 12192
	// around it: [831 917 960 961 875 873 872 829]
}

func ExampleUDGrade() {
	from, _ := healpix.New(2, healpix.Nested)
	to, _ := healpix.New(1, healpix.Nested)
	m := make([]float32, from.Npix())
	copy(m, []float32{1, 2, 3, 6, 4, healpix.Unseen, 8, healpix.Unseen})
	coarse, err := healpix.UDGrade(m, from, to, healpix.GradeOptions{})
	fmt.Println(coarse[:3], err)
	// Output: [3 6 0] <nil>
}

func ExampleGrid_Runs() {
	g, _ := healpix.New(512, healpix.Ring)
	runs, err := g.Runs(3, 1)
	fmt.Println(len(runs), "runs instead of", 9*g.Npix(), "indices;", err)
	run := runs[len(runs)/2]
	fmt.Println("pixels", run.First, "to", run.First+run.Len-1, "all have their taps at", run.Offset)
	// Output:
	// 14327 runs instead of 28311552 indices; <nil>
	// pixels 1571841 to 1573886 all have their taps at [-4096 -2047 1 -2048 0 2049 -1 2048 4096]
}
