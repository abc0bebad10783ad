package recipes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/train"
)

// shared gives each of the networks in training at a time, of which there are no more than seeds, its part of the threads.
func (o Options) shared() Options {
	if o.Parallel > 1 {
		o.Parallel = min(o.Parallel, o.Seeds)
		o.Engine = o.Engine.WithThreads(max(1, cmp.Or(o.Threads, goruntime.GOMAXPROCS(0))/o.Parallel))
	}
	return o
}

// trainAll trains the networks of all seeds, some at a time. When one fails or ctx ends, all end, and leave checkpoints.
func (s *scene) trainAll(ctx context.Context, o Options, lots []*lot) ([]*trained, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o = o.shared()
	var mu sync.Mutex
	locked := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	if tell := o.Progress; tell != nil {
		o.Progress = func(seed int, p train.Progress) { locked(func() { tell(seed, p) }) }
	}
	list := make([]*trained, o.Seeds)
	var first error
	var next atomic.Int64
	var group sync.WaitGroup
	for range o.Parallel {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= o.Seeds {
					return
				}
				seed := o.FirstSeed + i
				locked(func() { o.Watch(fmt.Sprintf("%s: network of seed %d", s.name, seed)) })
				t, err := s.train(ctx, o, seed, lots)
				list[i] = t
				if err != nil {
					locked(func() {
						if first == nil || errors.Is(first, errs.Canceled) {
							first = err
						}
					})
					cancel()
				}
			}
		})
	}
	group.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return list, first
}
