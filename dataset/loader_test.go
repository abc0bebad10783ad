package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// uneven takes an unforeseen time for every read.
type uneven struct {
	dataset.Dataset
	reads atomic.Int64
}

func (u *uneven) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	u.reads.Add(1)
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	return u.Dataset.Read(ctx, index, into)
}

func loader(t testing.TB, ds dataset.Dataset, size int, opt dataset.LoaderOptions, epoch, batch int) *dataset.Loader {
	t.Helper()
	l, err := dataset.NewLoader(ds, size, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(context.Background(), epoch, batch); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	return l
}

// draw reads n batches and writes each on a line.
func draw(t testing.TB, l *dataset.Loader, n int) []string {
	t.Helper()
	var lines []string
	for range n {
		b, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range b.Index {
			if y := graph.Data[int64](b.Tensors[1])[k]; y != int64(-i) {
				t.Fatalf("row %d of batch %d has the sample %d: want %d", k, b.Number, -y, i)
			}
		}
		lines = append(lines, fmt.Sprint(b.Epoch, b.Number, b.Index, b.Tensors[0].Shape, graph.Data[float32](b.Tensors[0])))
	}
	return lines
}

func jitter(rng *rand.Rand, sample []*graph.Tensor) error {
	for i, x := range graph.Data[float32](sample[0]) {
		graph.Data[float32](sample[0])[i] = x + rng.Float32()
	}
	return nil
}

func TestLoaderOrderDoesNotDependOnWorkers(t *testing.T) {
	opt := dataset.LoaderOptions{Shuffle: true, Seed: 5, Augment: []dataset.Augment{jitter}, Workers: 1, Depth: 1}
	want := draw(t, loader(t, ramp(t, 23), 4, opt, 0, 0), 18)
	for epoch := range 3 {
		order := dataset.Order(23, 5, epoch)
		for k := range 6 {
			head := fmt.Sprint(epoch, k, order[4*k:min(4*k+4, 23)])
			if !strings.HasPrefix(want[6*epoch+k], head) {
				t.Errorf("got %s want %s", want[6*epoch+k], head)
			}
		}
	}
	for _, workers := range []int{1, 2, 5} {
		for _, depth := range []int{1, 2, 9} {
			opt.Workers, opt.Depth = workers, depth
			if got := draw(t, loader(t, &uneven{Dataset: ramp(t, 23)}, 4, opt, 0, 0), 18); !slices.Equal(got, want) {
				t.Errorf("%d workers, depth %d: got %v want %v", workers, depth, got, want)
			}
			if got := draw(t, loader(t, &uneven{Dataset: ramp(t, 23)}, 4, opt, 1, 3), 9); !slices.Equal(got, want[9:]) {
				t.Errorf("%d workers, depth %d, resumed: got %v want %v", workers, depth, got, want[9:])
			}
		}
	}
	l := loader(t, ramp(t, 23), 4, opt, 2, 5)
	draw(t, l, 3)
	if err := l.Start(context.Background(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := draw(t, l, 18); !slices.Equal(got, want) {
		t.Errorf("started anew: got %v want %v", got, want)
	}
}

func TestLoaderWithoutShufflingAndDropLast(t *testing.T) {
	l := loader(t, ramp(t, 5), 2, dataset.LoaderOptions{DropLast: true}, 0, 0)
	want := []string{"0 0 [0 1] [2 2] [0 1 10 11]", "0 1 [2 3] [2 2] [20 21 30 31]", "1 0 [0 1] [2 2] [0 1 10 11]"}
	if got := draw(t, l, 3); !slices.Equal(got, want) || l.Len() != 2 {
		t.Errorf("got %v want %v", got, want)
	}
}

func TestLoaderReadsAhead(t *testing.T) {
	u := &uneven{Dataset: ramp(t, 100)}
	l := loader(t, u, 1, dataset.LoaderOptions{Workers: 2, Depth: 7}, 0, 0)
	draw(t, l, 1)
	for range 2000 { // seven wait beyond the one that is held
		if u.reads.Load() == 8 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if got := u.reads.Load(); got != 8 {
		t.Errorf("%d batches were read: want 8", got)
	}
}

func TestLoaderErrorNamesTheSample(t *testing.T) {
	broken := errors.New("torn page")
	ds, err := dataset.Generate(40, ramp(t, 1).Fields(), func(_ context.Context, i int, into []*graph.Tensor) error {
		graph.Data[int64](into[1])[0] = int64(-i)
		if i == 17 || i == 33 {
			return broken
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		l := loader(t, &uneven{Dataset: ds}, 4, dataset.LoaderOptions{Workers: 4, Depth: 9}, 0, 0)
		draw(t, l, 4)
		for range 2 {
			if _, err := l.Next(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "sample 17:") {
				t.Fatalf("got %v want sample 17", err)
			}
		}
		l.Stop()
	}
	l := loader(t, ds, 4, dataset.LoaderOptions{Augment: []dataset.Augment{func(*rand.Rand, []*graph.Tensor) error { return broken }}}, 3, 0)
	if _, err := l.Next(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "sample 0, augmented for epoch 3:") {
		t.Errorf("got %v want sample 0 of epoch 3", err)
	}
}

func TestLoaderStops(t *testing.T) {
	before := runtime.NumGoroutine()
	blocked, err := dataset.Generate(9, ramp(t, 1).Fields(), func(ctx context.Context, i int, _ []*graph.Tensor) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	l, err := dataset.NewLoader(blocked, 2, dataset.LoaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Next()
	fails(t, err, errs.Closed, "call Start first")
	if err := l.Start(ctx, 0, 0); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the user left")
	time.AfterFunc(5*time.Millisecond, func() { cancel(why) })
	if _, err := l.Next(); !errors.Is(err, errs.Canceled) || !errors.Is(err, why) {
		t.Errorf("got %v want %v: %v", err, errs.Canceled, why)
	}
	l.Stop()
	l.Stop()
	l = loader(t, ramp(t, 9), 2, dataset.LoaderOptions{}, 0, 0)
	draw(t, l, 2)
	l.Stop()
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines were left", now-before)
	}
}

func TestBadLoaders(t *testing.T) {
	_, err := dataset.NewLoader(ramp(t, 0), 2, dataset.LoaderOptions{})
	fails(t, err, errs.Input, "the dataset is empty")
	_, err = dataset.NewLoader(ramp(t, 3), 0, dataset.LoaderOptions{})
	fails(t, err, errs.Input, "batches of 0 samples")
	_, err = dataset.NewLoader(ramp(t, 3), 4, dataset.LoaderOptions{DropLast: true})
	fails(t, err, errs.Input, "3 samples make no batch of 4")
	l, err := dataset.NewLoader(ramp(t, 5), 2, dataset.LoaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fails(t, l.Start(context.Background(), 0, 3), errs.Input, "an epoch has batches 0 to 2")
}

func TestAugmentDrawsForEverySampleAndEpoch(t *testing.T) {
	still, err := dataset.Generate(6, []dataset.Field{{Name: "x", DType: graph.Float32}}, func(_ context.Context, _ int, into []*graph.Tensor) error {
		clear(into[0].Raw)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[float32]bool{}
	for seed := range uint64(3) {
		l := loader(t, still, 4, dataset.LoaderOptions{Seed: seed, Augment: []dataset.Augment{jitter}}, 0, 0)
		for range 3 * l.Len() {
			b, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range graph.Data[float32](b.Tensors[0]) {
				seen[v] = true
			}
		}
	}
	if len(seen) != 3*3*6 {
		t.Errorf("3 seeds, 3 epochs and 6 samples drew %d numbers", len(seen))
	}
}
