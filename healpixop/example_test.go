package healpixop_test

import (
	"fmt"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/ops"
)

// A map of the twelve pixels of nside 1 is summed over 3×3 windows, of which these pixels have seven.
func ExampleSet() {
	x := graph.FromSlice([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 1, 1, 12)
	w := graph.FromSlice([]float32{1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 1, 9)
	conv := healpixop.Set().Newest(healpixop.Domain, "HealpixConv")
	y, err := ops.Evaluate(conv, graph.Attrs{"nside": 1}, x, w)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(graph.Data[float32](y[0]))
	// Output: [23 26 29 28 38 33 40 43 47 50 53 52]
}
