package healpix

import (
	"fmt"
	"runtime"
	"sync"
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

// parallel calls work on consecutive ranges that make up [0, n), on all cores, and returns when all are done.
func parallel(n int, work func(lo, hi int)) {
	const grain = 1 << 12 // a range worth a goroutine
	workers := min(runtime.GOMAXPROCS(0), (n+grain-1)/grain)
	if workers <= 1 {
		work(0, n)
		return
	}
	// More ranges than workers: rows near the poles cost more than others.
	chunk := max((n+8*workers-1)/(8*workers), grain)
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for lo := range next {
				work(lo, min(lo+chunk, n))
			}
		})
	}
	for lo := 0; lo < n; lo += chunk {
		next <- lo
	}
	close(next)
	wg.Wait()
}
