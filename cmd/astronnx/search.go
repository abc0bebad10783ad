package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/train"
)

const searchNames = "rate, weight-decay, batch, epochs, patience, accumulate, clip-norm, clip-value, ema, seed, dropout"

// parseRanges reads what --search says, NAME=RANGE, and how many points their grid has, 0 for no end.
func parseRanges(list []string) (out []train.Range, grid int, err error) {
	grid = 1
	for _, text := range list {
		name, values, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, 0, usagef("--search %s: expected NAME=RANGE", text)
		}
		r, n, err := train.ParseRange(name, values)
		if err != nil {
			return nil, 0, flagError("--search "+name, err)
		}
		out, grid = append(out, r), grid*n
	}
	return out, grid, nil
}

// at returns the flags of a point.
func (f *trainFlags) at(p train.Point) (*trainFlags, error) {
	g := *f
	g.network = maps.Clone(f.network)
	floats := map[string]*float64{
		"rate": &g.rate, "weight-decay": &g.decay, "clip-norm": &g.clipNorm, "clip-value": &g.clipValue, "ema": &g.ema, "dropout": &g.dropout,
	}
	ints := map[string]*int{"batch": &g.batch, "epochs": &g.epochs, "patience": &g.patience, "accumulate": &g.accumulate}
	for name, x := range p {
		if to := floats[name]; to != nil {
			*to = x
			continue
		}
		if to := ints[name]; to != nil || name == "seed" {
			if x != math.Trunc(x) || x < 0 || x > 1<<53 {
				return nil, usagef("--search %s: %g is no whole number from 0", name, x)
			}
			if to != nil {
				*to = int(x)
			} else {
				g.seed = uint64(x)
			}
			continue
		}
		if g.network == nil {
			g.network = map[string]string{}
		}
		g.network[name] = strconv.FormatFloat(x, 'f', -1, 64)
	}
	return &g, nil
}

// searched is what train --search says as JSON. Trials stand by their loss.
type searched struct {
	Network string         `json:"network"`
	Loss    string         `json:"loss"`
	Trials  []train.Trial  `json:"trials"`
	File    string         `json:"file"`
	Folder  string         `json:"folder,omitempty"`
	Checks  []export.Check `json:"checks"`
	Notes   []string       `json:"notes,omitempty"`
	names   []string       // of the ranges
}

func (t *tool) search(ctx context.Context, name string, f trainFlags, ranges []train.Range, grid int, data *samples,
	files *stage, out, tmp string) error {
	build := func(p train.Point) (*trainRun, error) {
		g, err := f.at(p)
		if err != nil {
			return nil, err
		}
		run, err := g.build(name)
		if err != nil {
			return nil, err
		}
		run.options.Validation = data.validation
		return run, nil
	}
	begun, ended := time.Now(), 0
	bar := t.progress(0)
	defer bar.done()
	report, err := train.Search(ctx, data.training, ranges, train.SearchOptions{
		Runs: f.runs, Seed: f.seed, Parallel: f.parallel, Threads: f.engine.threads, Folder: f.checkpoint,
		Done: func(x train.Trial) {
			ended++
			line := fmt.Sprintf("run %d: %s  loss %.4g", x.Run, x.Point, x.Loss)
			if x.Failure != "" {
				line = fmt.Sprintf("run %d: %s  diverged", x.Run, x.Point)
			}
			bar.set(ended, cmp.Or(f.runs, grid), line)
			if bar == nil && !t.quiet && !t.json {
				fmt.Fprintf(t.err, "%s  %s\n", line, timeText(time.Since(begun)))
			}
		},
	}, func(p train.Point) (*train.Fit, train.Options, error) {
		run, err := build(p)
		if err != nil {
			return nil, train.Options{}, err
		}
		return run.fit, run.options, nil
	})
	bar.done()
	if err != nil {
		if errors.Is(err, errs.Canceled) {
			e := errs.New(errs.Canceled, "interrupted after %d runs", ended)
			if f.checkpoint == "" {
				return e.WithHint("nothing is kept without --checkpoint FOLDER")
			}
			return e.WithHint("the same command goes on from %s", f.checkpoint)
		}
		return err
	}
	best := report.Trials[0]
	run, err := build(best.Point)
	if err != nil {
		return err
	}
	run.fit = report.Best
	r := searched{Network: name, Loss: run.loss.Name, Trials: report.Trials, File: out, Folder: f.checkpoint, Notes: data.notes}
	for _, x := range ranges {
		r.names = append(r.names, x.Name)
	}
	if r.Checks, err = run.export(tmp, data, best.Epoch, best.Loss); err != nil {
		return err
	}
	if err := files.commit(); err != nil {
		return err
	}
	return t.show(r, r.write)
}

func (r searched) write(w io.Writer) error {
	tab := table{head: []string{">run"}}
	for _, name := range r.names {
		tab.head = append(tab.head, ">"+name)
	}
	tab.head = append(tab.head, ">loss", ">epoch", ">of", ">time")
	for _, x := range r.Trials {
		cells := []string{strconv.Itoa(x.Run)}
		for _, name := range r.names {
			cells = append(cells, fmt.Sprintf("%.5g", x.Point[name]))
		}
		loss, epoch := fmt.Sprintf("%.5g", x.Loss), strconv.Itoa(x.Epoch+1)
		if x.Failure != "" {
			loss, epoch = "diverged", "–"
		}
		tab.add(append(cells, loss, epoch, strconv.Itoa(x.Epochs), timeText(time.Duration(x.Seconds*float64(time.Second))))...)
	}
	if err := tab.write(w); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  wrote %s, of run %d\n", r.File, r.Trials[0].Run)
	if r.Folder != "" {
		fmt.Fprintf(&b, "  wrote search.csv and a folder for each run into %s\n", r.Folder)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
