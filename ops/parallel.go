package ops

import (
	"runtime"
	"sync"
)

// Parallel calls f on ranges [lo, hi) that cover [0, n) and waits for them. Each range is worth about grain elements or
// more; they run on all cores, and c's cancellation stops it between ranges. f returns an error to stop the rest; its
// panic is the caller's.
func Parallel(c *Call, n, grain int, f func(lo, hi int) error) error {
	step := max(1, grain)
	workers := min(runtime.GOMAXPROCS(0), (n+step-1)/step)
	if workers <= 1 {
		for lo := 0; lo < n; lo += step {
			if err := c.Err(); err != nil {
				return err
			}
			if err := f(lo, min(lo+step, n)); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
		fault any
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = c.Err()
		}
		lo := next
		next += step
		return lo, first == nil && lo < n
	}
	for range workers {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					mu.Lock()
					fault, next = r, n
					mu.Unlock()
				}
			}()
			for {
				lo, ok := take()
				if !ok {
					return
				}
				if err := f(lo, min(lo+step, n)); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	if fault != nil {
		panic(fault)
	}
	return first
}
