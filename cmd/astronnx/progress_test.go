package main

import (
	"bytes"
	"io"
	"testing"
	"time"
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
