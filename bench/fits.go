package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/astronnx/astronnx/sky"
)

const healpyMap = `
import healpy, json, numpy, os, sys, time
path, nside = sys.argv[1], int(sys.argv[2])
if not os.path.exists(path):
    m = numpy.random.default_rng(1).standard_normal(12 * nside**2).astype(numpy.float32)
    healpy.write_map(path, m, dtype=numpy.float32, column_units="uK")
times = []
for _ in range(4):
    start = time.perf_counter()
    healpy.read_map(path, dtype=None)
    times.append(time.perf_counter() - start)
print(json.dumps(min(times)))
`

// readFITS compares reading a map of 50 million pixels with healpy.
func readFITS() ([]Row, error) {
	dir, err := os.MkdirTemp("", "astronnx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "map.fits")
	var peer float64
	if err := python(healpyMap, &peer, path, "2048"); err != nil {
		return nil, err
	}
	t, err := fastest(3*time.Second, func() error { _, err := sky.ReadMap(path, sky.ReadOptions{}); return err })
	if err != nil {
		return nil, err
	}
	return []Row{faster("read nside 2048 float32", t[0], time.Duration(peer*float64(time.Second)), "healpy.read_map", 0.4)}, nil
}
