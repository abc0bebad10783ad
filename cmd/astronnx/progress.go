package main

import (
	"io"
	"sync"
	"time"

	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// patience is how long work goes on before a bar is worth showing.
const patience = 400 * time.Millisecond

// progress shows the steps of long work as a bar, on a terminal only. The nil progress shows nothing.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	steps int
	at    int // steps begun
	label string
	timer *time.Timer
	pool  *mpb.Progress
	bar   *mpb.Bar
	ended bool
}

// progress begins a bar of so many steps, 0: of as many as set will say; done ends it.
func (t *tool) progress(steps int) *progress {
	if t.quiet || t.json || !cupwriter.New(t.err, false).IsTerminal() {
		return nil
	}
	p := &progress{out: t.err, steps: steps}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(patience, p.show)
	return p
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return
	case p.steps == 0:
		p.timer.Reset(patience)
		return
	}
	p.pool = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(36))
	p.bar = p.pool.New(int64(p.steps), mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░"),
		mpb.AppendDecorators(
			decor.CountersNoUnit(" %d/%d"),
			decor.Elapsed(decor.ET_STYLE_GO, decor.WC{W: 6}),
			decor.Any(func(decor.Statistics) string { return "  " + p.current() }),
		))
	p.bar.SetCurrent(int64(max(p.at-1, 0)))
}

func (p *progress) current() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.label
}

// step says what happens now; the step before is over.
func (p *progress) step(label string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.at++
	p.label = label
	bar, at := p.bar, p.at
	p.mu.Unlock()
	if bar != nil {
		bar.SetCurrent(int64(at - 1))
	}
}

// set says how many steps are over, of how many in all, and how they go.
func (p *progress) set(over, steps int, label string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.at, p.steps, p.label = over+1, steps, label
	bar := p.bar
	p.mu.Unlock()
	if bar != nil {
		bar.SetCurrent(int64(over))
	}
}

// done removes the bar; it may be called more than once.
func (p *progress) done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.timer.Stop()
	pool, bar := p.pool, p.bar
	p.pool, p.bar, p.ended = nil, nil, true
	p.mu.Unlock()
	if pool != nil {
		bar.Abort(true)
		pool.Wait()
	}
}
