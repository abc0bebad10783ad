package sky_test

import (
	"bytes"
	"fmt"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/sky"
)

func ExampleReadMapFrom() {
	var file bytes.Buffer
	err := sky.WriteMapTo(&file, &sky.Map{Nside: 1, Order: healpix.Ring, Coord: "G", Columns: []sky.Column{
		{Name: "TEMPERATURE", Unit: "mK", Data: graph.Vector[float32](0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, healpix.Unseen)},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := sky.ReadMapFrom(&file, sky.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mask, err := m.Mask()
	if err != nil {
		fmt.Println(err)
		return
	}
	c := m.Columns[0]
	fmt.Println(m.Nside, m.Order, m.Coord, c.Name, c.Unit, c.Data, mask[10], mask[11])
	// Output: 1 RING G TEMPERATURE mK float32[12] true false
}
