package recipes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/astronnx/astronnx/internal/errs"
)

// Report is what a recipe comes to.
type Report struct {
	Recipe  string     `json:"recipe"`
	Setup   string     `json:"setup"`
	Command string     `json:"command"`
	Seconds float64    `json:"seconds"` // of this run
	Cores   int        `json:"cores"`
	Skies   int        `json:"skies"`
	Epochs  int        `json:"epochs"`
	Test    int        `json:"test_skies"`
	Batch   int        `json:"batch"`
	Rate    float64    `json:"rate"`
	Dropout float64    `json:"dropout"`
	Nside   int        `json:"nside"`
	Prior   []string   `json:"prior"`
	Search  [2]float64 `json:"search"` // range of the likelihoods
	Quick   bool       `json:"quick,omitempty"`
	Cases   []Case     `json:"cases"`
	File    string     `json:"file"` // the report in Markdown
}

// Case is a table of a report.
type Case struct {
	Name      string      `json:"name"`
	Simulated float64     `json:"simulated_per_second"` // skies, on all cores, with nothing beside
	Constant  Score       `json:"constant"`
	Networks  []Network   `json:"networks"`
	Exact     Score       `json:"exact"`
	ExactName string      `json:"exact_name"`
	ExactTook float64     `json:"exact_seconds"`
	Points    []Point     `json:"exact_points,omitempty"`
	Published [2]float64  `json:"published,omitempty"` // mean errors in per cent: of the paper's network, of its likelihood; 0: not told
	Pictures  [][2]string `json:"pictures"`            // what it shows, and its file
}

// Network is a row of a case.
type Network struct {
	trained
	Score  Score   `json:"score"`
	Points []Point `json:"points,omitempty"`
}

// Run makes a recipe: all cases, and of each the networks of all seeds. What has been done in the folder by a run of the same options
// is not done again; when ctx ends, a training under way leaves a checkpoint.
func (r *Recipe) Run(ctx context.Context, o Options) (*Report, error) {
	o, err := o.defaults(r)
	if err != nil {
		return nil, err
	}
	begun := clock()
	scenes, err := r.scenes(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Folder, 0o777); err != nil {
		return nil, errs.New(errs.Output, "%w", err)
	}
	out := &Report{Recipe: r.Name, Command: o.Command, Cores: cores(), Skies: o.Skies, Epochs: o.Epochs, Test: o.Test, Batch: o.Batch, Rate: o.Rate,
		Dropout: o.Dropout,
		Quick:   o.Quick, Search: r.search, Setup: r.setup, File: filepath.Join(o.Folder, "report.md")}
	for _, p := range r.params {
		out.Prior = append(out.Prior, fmt.Sprintf("%s from %g to %g", p.Name, p.Low, p.High))
	}
	for _, s := range scenes {
		out.Nside = s.nside
		c, err := s.run(ctx, o)
		if err != nil && ctx.Err() != nil && !errors.Is(err, errs.Canceled) { // of a dataset, say
			err = errs.New(errs.Canceled, "%w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", r.Name, s.name, err)
		}
		out.Cases = append(out.Cases, *c)
	}
	out.Seconds = clock() - begun
	return out, out.write()
}

// run makes one case.
func (s *scene) run(ctx context.Context, o Options) (*Case, error) {
	c := &Case{Name: s.name}
	if p := s.published[s.seen()]; s.nside == 16 {
		c.Published = [2]float64{p.network, p.likelihood}
	}
	o.Watch(s.name + ": unseen skies")
	var err error
	if c.Simulated, err = s.speed(ctx); err != nil {
		return nil, err
	}
	lots, err := s.lots(ctx, o)
	if err != nil {
		return nil, err
	}
	drawn := lots[0]
	c.Constant = s.score(drawn.truth, s.constant(drawn.n))
	o.Watch(s.name + ": exact likelihood")
	exact, err := s.exact(ctx, o, lots)
	if err != nil {
		return nil, err
	}
	c.ExactName, c.ExactTook, c.Exact, c.Points = exact.Name, exact.Seconds, s.score(drawn.truth, exact.Readings[0]), pointsOf(lots, exact.Readings)
	trained, err := s.trainAll(ctx, o, lots)
	if err != nil {
		return nil, err
	}
	for _, t := range trained {
		c.Networks = append(c.Networks, Network{*t, s.score(drawn.truth, t.readings[0]), pointsOf(lots, t.readings)})
	}
	c.Pictures, err = s.pictures(o, c, drawn, exact.Readings[0])
	return c, err
}
