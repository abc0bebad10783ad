package main

import (
	"time"

	"github.com/astronnx/astronnx/healpix"
)

const healpyNeighbours = `
import healpy, json, numpy, sys, time
nside, best = int(sys.argv[1]), {}
for nest in (False, True):
    times = []
    for _ in range(4):
        start = time.perf_counter()
        healpy.get_all_neighbours(nside, numpy.arange(12 * nside**2), nest=nest)
        times.append(time.perf_counter() - start)
    best["nest" if nest else "ring"] = min(times)
print(json.dumps(best))
`

// neighbours compares the table of all neighbours at nside 1024 with healpy's.
func neighbours() ([]Row, error) {
	var peer struct{ Ring, Nest float64 }
	if err := python(healpyNeighbours, &peer, "1024"); err != nil {
		return nil, err
	}
	var rows []Row
	for _, order := range []healpix.Order{healpix.Ring, healpix.Nested} {
		g, err := healpix.New(1024, order)
		if err != nil {
			return nil, err
		}
		theirs := peer.Ring
		if order == healpix.Nested {
			theirs = peer.Nest
		}
		table := make([]int64, 8*g.Npix())
		t, err := fastest(3*time.Second,
			func() error { return healpix.NeighbourTableTo(table, g) },
			func() error { _, err := healpix.NeighbourTable[int32](g); return err })
		if err != nil {
			return nil, err
		}
		name := "nside 1024 " + order.String()
		d := time.Duration(theirs * float64(time.Second))
		rows = append(rows,
			faster(name+", int64", t[0], d, "healpy.get_all_neighbours", 20),
			faster(name+", int32", t[1], d, "healpy.get_all_neighbours", 20))
	}
	return rows, nil
}
