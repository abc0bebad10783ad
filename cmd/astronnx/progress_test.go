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
