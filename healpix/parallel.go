package healpix

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Index is the element type of tables of pixel numbers.
type Index interface{ ~int | ~int32 | ~int64 }

// fits returns an error where T cannot hold every pixel number of g.
func fits[T Index](g Grid) error {
	if last := g.Npix() - 1; int(T(last)) != last {
		return fmt.Errorf("healpix: pixel numbers of nside %d exceed %T: use int64", g.nside, T(0))
	}
	return nil
}

// pixelGrain is a number of pixels worth a goroutine.
const pixelGrain = 1 << 12

// parallel calls work on consecutive ranges that make up [0, n), on all cores, and returns when all are done. A
// range has at least grain members, but for the last.
func parallel(n, grain int, work func(lo, hi int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+grain-1)/grain)
	if workers <= 1 {
		work(0, n)
		return
	}
	// More ranges than workers: their costs differ, and so does what else the cores do.
	chunk := max((n+16*workers-1)/(16*workers), grain)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				lo := int(next.Add(int64(chunk))) - chunk
				if lo >= n {
					return
				}
				work(lo, min(lo+chunk, n))
			}
		})
	}
	wg.Wait()
}
