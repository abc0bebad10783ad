package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/astronnx/astronnx/healpix/sht"
)

// healpyTransforms times a map's transforms, one at a time as healpy offers them.
const healpyTransforms = `
import healpy as hp, json, numpy, sys, time
nside, rounds, maps = (int(a) for a in sys.argv[1:])
lmax = 3 * nside - 1
rng = numpy.random.default_rng(1)
a = [rng.normal(size=hp.Alm.getsize(lmax)) + 0j for _ in range(2)]
m = rng.normal(size=(2, 12 * nside**2))
jobs = {
    "synth0": lambda: hp.alm2map(a[0], nside, lmax=lmax, pol=False),
    "analyse0": lambda: hp.map2alm(m[0], lmax=lmax, iter=0),
    "synth2": lambda: hp.alm2map_spin(a, nside, 2, lmax),
    "analyse2": lambda: hp.map2alm_spin(m, 2, lmax),
}
best = {}
for _ in range(rounds):
    for name, job in jobs.items():
        start = time.perf_counter()
        for _ in range(maps):
            job()
        took = (time.perf_counter() - start) / maps
        best[name] = min(best.get(name, took), took)
print(json.dumps(best))
`

// transforms compares spherical harmonic transforms with healpy's, both on one thread: those of 1,000 small maps, as training
// needs them, per map, and those of large ones.
func transforms() ([]Row, error) {
	// healpy's threads are OpenMP's.
	if err := os.Setenv("OMP_NUM_THREADS", "1"); err != nil {
		return nil, err
	}
	defer os.Unsetenv("OMP_NUM_THREADS")
	var rows []Row
	for _, c := range []struct {
		nside, maps, rounds, peerMaps int // peerMaps is the number that healpy is timed for together
		goal                          float64
	}{{16, 1000, 8, 1000, 3}, {256, 2, 5, 1, 0.5}, {1024, 2, 1, 1, 0.3}} {
		var peer map[string]float64
		if err := python(healpyTransforms, &peer, fmt.Sprint(c.nside), fmt.Sprint(c.rounds), fmt.Sprint(c.peerMaps)); err != nil {
			return nil, err
		}
		p, err := sht.NewPlan(c.nside, 3*c.nside-1)
		if err != nil {
			return nil, err
		}
		p = p.WithThreads(1)
		random := rand.New(rand.NewPCG(1, 2))
		maps, alm := make([]float64, c.maps*p.Npix()), make([]complex128, c.maps*p.Size())
		for i := range maps {
			maps[i] = random.NormFloat64()
		}
		for i := range alm {
			alm[i] = complex(random.NormFloat64(), 0)
		}
		for _, job := range []struct {
			name, key string
			maps      int // of a call, that healpy counts as one
			run       func() error
		}{
			{"alm2map", "synth0", 1, func() error { return p.Alm2MapTo(maps, alm) }},
			{"map2alm", "analyse0", 1, func() error { return p.Map2AlmTo(alm, maps, 0) }},
			{"alm2map, spin 2", "synth2", 2, func() error { return p.Alm2MapSpin2To(maps, alm) }},
			{"map2alm, spin 2", "analyse2", 2, func() error { return p.Map2AlmSpin2To(alm, maps, 0) }},
		} {
			var best time.Duration
			for range c.rounds {
				start := time.Now()
				if err := job.run(); err != nil {
					return nil, err
				}
				if d := time.Since(start); best == 0 || d < best {
					best = d
				}
			}
			ours := best / time.Duration(c.maps/job.maps)
			theirs := time.Duration(peer[job.key] * float64(time.Second))
			rows = append(rows, faster(fmt.Sprintf("nside %d %s", c.nside, job.name), ours, theirs, "healpy", c.goal))
		}
	}
	return rows, nil
}
