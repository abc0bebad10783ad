package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/astronnx/astronnx/train"
)

// The bar stands at the steps that are over and names the one at hand, whenever it appears.
func TestProgress(t *testing.T) {
	p := &progress{out: io.Discard, steps: 3, timer: time.NewTimer(time.Hour)}
	p.step("reading map.fits")
	p.step("running bands.onnx")
	p.show()
	if got := p.bar.Current(); got != 1 || p.current() != "running bands.onnx" {
		t.Errorf("the bar stands at %d of 3 and says %q", got, p.current())
	}
	bar := p.bar
	p.step("writing out.fits")
	if got := bar.Current(); got != 2 || p.current() != "writing out.fits" {
		t.Errorf("the bar stands at %d of 3 and says %q", got, p.current())
	}
	p.done()
	p.done()
	if !bar.Aborted() || p.bar != nil {
		t.Error("the bar is still there")
	}
}

// A bar of steps that are not counted yet waits for their number.
func TestProgressOfUncountedSteps(t *testing.T) {
	p := &progress{out: io.Discard, timer: time.NewTimer(time.Hour)}
	p.show()
	if p.bar != nil {
		t.Fatal("a bar of no steps")
	}
	p.set(1, 40, "epoch 1/4")
	p.show()
	p.set(12, 40, "epoch 2/4")
	if got := p.bar.Current(); got != 12 || p.bar.Completed() || p.current() != "epoch 2/4" {
		t.Errorf("the bar stands at %d of 40 and says %q", got, p.current())
	}
	p.done()
	p.show()
	if p.bar != nil {
		t.Error("the bar is back")
	}
}

// The bar of trainings at a time counts those of one part of the work.
func TestProgressOfTrainings(t *testing.T) {
	w := &watch{bar: &progress{out: io.Discard, timer: time.NewTimer(time.Hour)}}
	told := func(want string, over int, losses ...float64) {
		t.Helper()
		for i, loss := range losses {
			w.tellOne(i+2, 3, train.Progress{Epochs: 2, Epoch: 1, Steps: 10, Step: 4, Mean: loss})
		}
		if !strings.HasPrefix(w.bar.label, want+"  ") || w.bar.at-1 != over || w.bar.steps != 60 {
			t.Errorf("the bar stands at %d of %d and says %q", w.bar.at-1, w.bar.steps, w.bar.label)
		}
	}
	w.begin("noise 0")
	told("1 of 3 networks  loss 0.5", 15, 0.5)
	told("2 of 3 networks  loss 0.25, 2", 30, 0.25, 2)
	w.begin("noise 0")
	told("2 of 3 networks  loss 0.125, 2", 30, 0.125)
	w.begin("noise 5")
	told("1 of 3 networks  loss 4", 15, 4)
}

// Nothing but messages goes where no person looks.
func TestProgressIsForTerminals(t *testing.T) {
	var out bytes.Buffer
	if p := (&tool{err: &out}).progress(3); p != nil {
		t.Error("a bar for a file")
	}
	var none *progress
	none.step("on the way")
	none.done()
}
