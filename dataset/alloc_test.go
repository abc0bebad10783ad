//go:build !race

package dataset_test

import (
	"testing"

	"github.com/astronnx/astronnx/dataset"
)

// The race detector drops what is in a sync.Pool at random, so the test is not for it.
func TestLoaderAllocatesNothing(t *testing.T) {
	base := ramp(t, 64)
	some, err := dataset.Select(base, dataset.Order(64, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	picked, err := dataset.Pick(some, "x", "y")
	if err != nil {
		t.Fatal(err)
	}
	opt := dataset.LoaderOptions{Shuffle: true, Augment: []dataset.Augment{jitter}, Workers: 2}
	l := loader(t, picked, 8, opt, 0, 0)
	next := func() {
		if _, err := l.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		next()
	}
	if n := testing.AllocsPerRun(200, next); n >= 1 {
		t.Errorf("%g allocations a batch: want none", n)
	}
}
