package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/plot"
	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/train"
)

// trained is what train says as JSON. Epochs count from 0.
type trained struct {
	Network    string         `json:"network"`
	Parameters int64          `json:"parameters"`
	Loss       string         `json:"loss"`
	Optimizer  string         `json:"optimizer"`
	Samples    int            `json:"samples"`
	Validation int            `json:"validation_samples"`
	Engine     engineInfo     `json:"engine"`
	History    []trainedEpoch `json:"history"`
	BestEpoch  int            `json:"best_epoch"`
	BestLoss   float64        `json:"best_loss"`
	Steps      int64          `json:"steps"`
	Stopped    bool           `json:"stopped"` // by patience
	Resumed    int64          `json:"resumed,omitempty"`
	Seconds    float64        `json:"seconds"`
	File       string         `json:"file"`
	Folder     string         `json:"folder,omitempty"`
	Checks     []export.Check `json:"checks"`
	Notes      []string       `json:"notes,omitempty"`
}

// trainedEpoch is a row of the history.
type trainedEpoch struct {
	Epoch      int      `json:"epoch"`
	Steps      int64    `json:"steps"`
	Loss       float64  `json:"loss"`
	Validation *float64 `json:"validation"`
	Rate       float64  `json:"rate"`
	Seconds    float64  `json:"seconds"`
}

func historyOf(epochs []train.Epoch) []trainedEpoch {
	var list []trainedEpoch
	for _, e := range epochs {
		row := trainedEpoch{Epoch: e.Epoch, Steps: e.Steps, Loss: e.Loss, Rate: e.Rate, Seconds: e.Elapsed.Seconds()}
		if !math.IsNaN(e.Validation) {
			row.Validation = &e.Validation
		}
		list = append(list, row)
	}
	return list
}

func (r *trainRun) report(name string, t *train.Report, data *samples) trained {
	out := trained{
		Network: name, Parameters: parameters(r.net), Loss: r.loss.Name, Optimizer: r.optimizer.Name(), Samples: data.training.Len(),
		Engine: engineOf(t.Engine), History: historyOf(t.History), BestEpoch: t.BestEpoch, BestLoss: t.BestLoss, Steps: t.Steps,
		Stopped: t.Stopped, Resumed: t.Resumed, Seconds: t.Elapsed.Seconds(), Notes: data.notes,
	}
	if data.validation != nil {
		out.Validation = data.validation.Len()
	}
	return out
}

func (r trained) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s: %s parameters, %s by %s\n", r.Network, thousands(r.Parameters), r.Loss, r.Optimizer)
	on := "of the training itself"
	if r.Validation > 0 {
		on = fmt.Sprintf("on %s samples not trained on", thousands(r.Validation))
	}
	fmt.Fprintf(&b, "  %s samples, %d %s, %s steps in %s", thousands(r.Samples), len(r.History), plural(len(r.History), "epoch"), thousands(r.Steps),
		timeText(time.Duration(r.Seconds*float64(time.Second))))
	switch {
	case r.Resumed == r.Steps:
		b.WriteString(", all of them before")
	case r.Resumed > 0:
		fmt.Fprintf(&b, ", %s of them before", thousands(r.Resumed))
	}
	if r.Stopped {
		b.WriteString("; ended by --patience")
	}
	fmt.Fprintf(&b, "\n  smallest loss %.6g, %s, in epoch %d\n", r.BestLoss, on, r.BestEpoch+1)
	fmt.Fprintf(&b, "  trained by %s\n", r.Engine.line())
	fmt.Fprintf(&b, "  wrote %s\n", r.File)
	if r.Folder != "" {
		fmt.Fprintf(&b, "  wrote history.csv, loss.png, TensorBoard events and checkpoints into %s\n", r.Folder)
	}
	for _, note := range append(slices.Clone(r.Notes), r.Engine.remarks()...) {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// watch shows how a training goes: a bar on a terminal, a line an epoch elsewhere.
type watch struct {
	bar        *progress
	lines      io.Writer              // nil: none
	validation string                 // loss of the last epoch
	part       string                 // of the work, whose trainings are
	abreast    map[int]train.Progress // at a time, by seed
}

func (t *tool) watch() *watch {
	w := &watch{bar: t.progress(0)}
	if w.bar == nil && !t.quiet && !t.json {
		w.lines = t.err
	}
	return w
}

// tell takes the progress of a run.
func (w *watch) tell(p train.Progress) {
	if p.Done != nil && !math.IsNaN(p.Done.Validation) {
		w.validation = fmt.Sprintf("  validation %.4g", p.Done.Validation)
	}
	line := fmt.Sprintf("epoch %d/%d  loss %.4g%s  rate %.3g  ", p.Epoch+1, p.Epochs, p.Mean, w.validation, p.Rate)
	w.bar.set(p.Epoch*int(p.Steps)+int(p.Step)+1, p.Epochs*int(p.Steps), line+leftText(p.Left)+" left")
	if p.Done != nil && w.lines != nil {
		fmt.Fprintf(w.lines, "%s%s, %s left\n", line, timeText(p.Elapsed), leftText(p.Left))
	}
}

// begin takes a part of the work, of which tellOne is told from now on: trainings of the part before do not count in it.
func (w *watch) begin(part string) {
	if w.abreast == nil || part != w.part {
		w.part, w.abreast = part, map[int]train.Progress{}
	}
}

// tellOne takes the progress of one of so many runs at a time.
func (w *watch) tellOne(seed, runs int, p train.Progress) {
	w.abreast[seed] = p
	steps, left := 0, time.Duration(0)
	var losses []string
	for _, s := range slices.Sorted(maps.Keys(w.abreast)) {
		q := w.abreast[s]
		steps += q.Epoch*int(q.Steps) + int(q.Step) + 1
		left = max(left, q.Left)
		losses = append(losses, fmt.Sprintf("%.4g", q.Mean))
	}
	w.bar.set(steps, runs*p.Epochs*int(p.Steps), fmt.Sprintf("%d of %d networks  loss %s  %s left", len(losses), runs, strings.Join(losses, ", "), leftText(left)))
	if p.Done != nil && w.lines != nil {
		fmt.Fprintf(w.lines, "seed %d: epoch %d/%d  loss %.4g  validation %.4g, %s, %s left\n", seed, p.Epoch+1, p.Epochs, p.Mean,
			p.Done.Validation, timeText(p.Elapsed), leftText(p.Left))
	}
}

func (w *watch) done() { w.bar.done() }

// leftText is a time to come, which nobody knows to the second.
func leftText(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// drawLoss draws the losses of a run over its epochs.
func drawLoss(path, title, loss string, history []train.Epoch) error {
	training, validation := plot.Curve{Name: "training"}, plot.Curve{Name: "validation"}
	for _, e := range history {
		training.X, training.Y = append(training.X, float64(e.Epoch+1)), append(training.Y, e.Loss)
		if !math.IsNaN(e.Validation) {
			validation.X, validation.Y = append(validation.X, float64(e.Epoch+1)), append(validation.Y, e.Validation)
		}
	}
	curves := []plot.Curve{training}
	if validation.X != nil {
		curves = append(curves, validation)
	}
	return sky.WriteFile(path, func(w io.Writer) error {
		return plot.Curves(w, curves, plot.CurveOptions{Title: title, XLabel: "epoch", YLabel: loss + " loss"})
	})
}
