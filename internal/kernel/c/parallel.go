//go:build cgo && !purego

package c

/*
#include <stddef.h>

typedef void (*item)(void *usr, size_t i);

static inline void call(void *fn, void *usr, size_t i) { ((item)fn)(usr, i); }
*/
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// astronnxGoParallelFor is an astronnx_conv_parallel_for; ctx is the number of goroutines.
//
//export astronnxGoParallelFor
func astronnxGoParallelFor(ctx, fn unsafe.Pointer, total C.size_t, usr unsafe.Pointer) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(total); i = next.Add(1) - 1 {
			C.call(fn, usr, C.size_t(i))
		}
	}
	var group sync.WaitGroup
	for range min(int64(uintptr(ctx)), int64(total)) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
}
