package dataset

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Augment changes a sample in place, without changing its shapes: one tensor a field, without a batch axis. It draws at random from
// rng alone and serves many goroutines at once.
type Augment func(rng *rand.Rand, sample []*graph.Tensor) error

// LoaderOptions say how a Loader goes through its dataset. The zero value reads in order, the last batch being what is left.
type LoaderOptions struct {
	Shuffle  bool // another order in every epoch, see [Order]
	Seed     uint64
	DropLast bool      // leave out a last batch that is not full
	Augment  []Augment // applied in turn, each sample drawing from its own generator: a function of Seed, epoch and index
	Workers  int       // goroutines that read; 0: one a processor
	Depth    int       // batches that are read ahead; 0: as many as there are workers, at least two
}

// Loader reads batches ahead of their use: an endless row of epochs, each going through the dataset once. What comes, and in which
// order, does not depend on the number of workers or on their timing. Once as many batches were read as are held, none allocates.
//
// A Loader serves one goroutine.
type Loader struct {
	ds      Dataset
	size    int
	opt     LoaderOptions
	slots   []*Batch
	reading *reading
}

// Batch is consecutive samples of an epoch. It holds until the next call of Next, Start or Stop.
type Batch struct {
	Epoch   int
	Number  int             // in the epoch, from 0
	Index   []int           // of the samples in the dataset
	Tensors []*graph.Tensor // one a field: [len(Index), Shape...]

	buffer *buffer
	pcg    rand.PCG
	rng    *rand.Rand
	err    error
}

// NewLoader returns a loader of batches of the given size. It does nothing before Start.
func NewLoader(ds Dataset, size int, opt LoaderOptions) (*Loader, error) {
	if err := checkFields(ds.Fields()); err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, errs.New(errs.Input, "batches of %d samples: want 1 or more", size)
	}
	if ds.Len() == 0 {
		return nil, errs.New(errs.Input, "the dataset is empty: want at least one sample")
	}
	if opt.DropLast && ds.Len() < size {
		return nil, errs.New(errs.Input, "%d samples make no batch of %d, and the last is dropped", ds.Len(), size).
			WithHint("take smaller batches")
	}
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Depth <= 0 {
		opt.Depth = max(2, opt.Workers)
	}
	l := &Loader{ds: ds, size: size, opt: opt}
	for range opt.Depth + 1 { // one is with the caller
		b := &Batch{buffer: newBuffer(ds.Fields()), Index: make([]int, 0, min(size, ds.Len()))}
		b.rng = rand.New(&b.pcg)
		l.slots = append(l.slots, b)
	}
	return l, nil
}

// Len returns the number of batches in an epoch.
func (l *Loader) Len() int {
	if l.opt.DropLast {
		return l.ds.Len() / l.size
	}
	return (l.ds.Len() + l.size - 1) / l.size
}

// Start begins to read at a batch of an epoch, both from 0, and drops what was read before. It reads until ctx ends or Stop is called.
func (l *Loader) Start(ctx context.Context, epoch, batch int) error {
	if epoch < 0 || batch < 0 || batch >= l.Len() {
		return errs.New(errs.Input, "epoch %d, batch %d: an epoch has batches 0 to %d", epoch, batch, l.Len()-1)
	}
	l.Stop()
	r := &reading{Loader: l, epoch: epoch, batch: batch, free: make(chan *Batch, len(l.slots))}
	r.ctx, r.cancel = context.WithCancel(ctx)
	for _, b := range l.slots {
		r.free <- b
		r.ready = append(r.ready, make(chan *Batch, 1))
	}
	r.setOrder()
	for range min(l.opt.Workers, l.opt.Depth) {
		r.workers.Go(r.work)
	}
	l.reading = r
	return nil
}

// Stop ends the reading and waits for the workers. Start may follow.
func (l *Loader) Stop() {
	if l.reading != nil {
		l.reading.cancel()
		l.reading.workers.Wait()
		l.reading = nil
	}
}

// Next returns the next batch, from one epoch into the next without end. The error of a batch comes when its turn does and names the
// sample; it stays until Start. Where the context has ended the error is errs.Canceled.
func (l *Loader) Next() (*Batch, error) {
	r := l.reading
	if r == nil {
		return nil, errs.New(errs.Closed, "the loader is not reading").WithHint("call Start first")
	}
	if r.err != nil {
		return nil, r.err
	}
	if r.held != nil {
		r.free <- r.held
		r.held = nil
	}
	select {
	case b := <-r.ready[r.next%len(r.ready)]:
		r.next++
		r.held, r.err = b, b.err
	case <-r.ctx.Done():
		r.err = errs.New(errs.Canceled, "reading ahead: %w", context.Cause(r.ctx))
	}
	if r.err != nil {
		r.cancel()
		return nil, r.err
	}
	return r.held, nil
}

// reading is what lives between Start and Stop.
//
// A worker takes a free slot and the next batch's place in the row in one step. So whichever batch the consumer waits for has a slot,
// and places that differ by the number of slots are never under way together: each place has a channel of its own.
type reading struct {
	*Loader
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup

	free  chan *Batch
	ready []chan *Batch // by place modulo the number of slots

	mu           sync.Mutex // guards what follows, for workers
	place        int
	epoch, batch int
	order        []int // of the epoch

	next int // place that Next returns
	held *Batch
	err  error
}

func (r *reading) setOrder() {
	if r.order == nil {
		r.order = make([]int, r.ds.Len())
		for i := range r.order {
			r.order[i] = i
		}
	}
	if r.opt.Shuffle {
		order(r.order, r.opt.Seed, uint64(r.epoch))
	}
}

func (r *reading) work() {
	for {
		b, place := r.take()
		if b == nil {
			return
		}
		b.err = r.fill(b)
		r.ready[place%len(r.ready)] <- b // has room, see above
	}
}

// take returns a slot, told what to read, and its place in the row; nil at the end.
func (r *reading) take() (*Batch, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b *Batch
	select {
	case b = <-r.free:
	case <-r.ctx.Done():
		return nil, 0
	}
	if r.batch == r.Len() {
		r.epoch, r.batch = r.epoch+1, 0
		r.setOrder()
	}
	from := r.batch * r.size
	b.Epoch, b.Number = r.epoch, r.batch
	b.Index = append(b.Index[:0], r.order[from:min(from+r.size, len(r.order))]...)
	r.batch++
	r.place++
	return b, r.place - 1
}

func (r *reading) fill(b *Batch) error {
	b.Tensors = b.buffer.batch(len(b.Index))
	if err := r.ds.Read(r.ctx, b.Index, b.Tensors); err != nil {
		return r.blame(b, err)
	}
	for k, i := range b.Index {
		if len(r.opt.Augment) == 0 {
			break
		}
		reseed(&b.pcg, r.opt.Seed, augmentKey, uint64(b.Epoch), uint64(i))
		sample := b.buffer.sample(b.Tensors, k)
		for _, f := range r.opt.Augment {
			if err := f(b.rng, sample); err != nil {
				return fmt.Errorf("sample %d, augmented for epoch %d: %w", i, b.Epoch, err)
			}
		}
	}
	return nil
}

// blame finds the sample that a batch could not be read for.
func (r *reading) blame(b *Batch, err error) error {
	if r.ctx.Err() != nil {
		return errs.New(errs.Canceled, "reading ahead: %w", context.Cause(r.ctx))
	}
	for k := range b.Index {
		if one := r.ds.Read(r.ctx, b.Index[k:k+1], b.buffer.batch(1)); one != nil {
			return fmt.Errorf("sample %d: %w", b.Index[k], one)
		}
	}
	return fmt.Errorf("samples %d: %w", b.Index, err)
}
