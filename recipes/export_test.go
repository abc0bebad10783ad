package recipes

import (
	"context"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
)

// Baselines are the rows of a case at nside 16 that no network has a part in.
func Baselines(ctx context.Context, r *Recipe, o Options) (*Case, error) {
	o, err := o.defaults(r)
	if err != nil {
		return nil, err
	}
	o.Quick = false
	scenes, err := r.scenes(o)
	if err != nil {
		return nil, err
	}
	s := scenes[0]
	lots, err := s.lots(ctx, o)
	if err != nil {
		return nil, err
	}
	j, err := s.exact(ctx, o, lots)
	if err != nil {
		return nil, err
	}
	return &Case{Constant: s.score(lots[0].truth, s.constant(lots[0].n)), Exact: s.score(lots[0].truth, j.Readings[0]), Points: pointsOf(lots, j.Readings)}, nil
}

// Turned returns the spectra of a training sky in each channel, and those of the same as seed's augmentation turns it.
func Turned(r *Recipe, o Options, seed uint64) (before, after []*sht.Spectra, err error) {
	s, err := r.scene(o, 1, 1, false)
	if err != nil {
		return nil, nil, err
	}
	sky, err := s.skies(1, 1)
	if err != nil {
		return nil, nil, err
	}
	ds, augment, err := s.augmented(sky, 1)
	if err != nil {
		return nil, nil, err
	}
	fields := ds.Fields()
	sample := []*graph.Tensor{graph.NewTensor(graph.Float32, append([]int64{1}, fields[0].Shape...)...),
		graph.NewTensor(graph.Float32, append([]int64{1}, fields[1].Shape...)...)}
	if err := ds.Read(context.Background(), []int{0}, sample); err != nil {
		return nil, nil, err
	}
	plan, err := sht.NewPlan(s.nside, 3*s.nside-1)
	if err != nil {
		return nil, nil, err
	}
	spectra := func() (list []*sht.Spectra, err error) {
		m := wide(&lot{n: 1, maps: sample[0]}, 0)
		size := s.stokes.Fields() * plan.Npix()
		for c := range s.channels {
			cl, err := spectraOf(plan, m[c*size:(c+1)*size])
			if err != nil {
				return nil, err
			}
			list = append(list, cl)
		}
		return list, nil
	}
	if before, err = spectra(); err != nil {
		return nil, nil, err
	}
	for i := range sample {
		sample[i].Shape, sample[i].Name = sample[i].Shape[1:], fields[i].Name
	}
	if err := augment[0](dataset.RNG(seed), sample); err != nil {
		return nil, nil, err
	}
	after, err = spectra()
	return before, after, err
}

// Skies are the samples that [Recipe.Simulate] writes.
func Skies(r *Recipe, o SetOptions) (dataset.Dataset, []bool, error) {
	s, err := r.scene(Options{Quick: o.Quick}, o.Noise, o.Fsky, o.Template)
	if err != nil {
		return nil, nil, err
	}
	ds, err := s.skies(o.Skies, trainingSeeds+uint64(o.Seed))
	return ds, s.sky.Mask, err
}

// Judge measures the unseen skies of a case with the network of a file.
func Judge(ctx context.Context, r *Recipe, o Options, file string) (Score, error) {
	o, err := o.defaults(r)
	if err != nil {
		return Score{}, err
	}
	o.Quick = false
	scenes, err := r.scenes(o)
	if err != nil {
		return Score{}, err
	}
	s := scenes[0]
	s.points = nil
	lots, err := s.lots(ctx, o)
	if err != nil {
		return Score{}, err
	}
	t := &trained{File: file}
	if err := s.measure(ctx, t, o, lots); err != nil {
		return Score{}, err
	}
	return s.score(lots[0].truth, t.readings[0]), nil
}

// Shared are the options by which each of several networks at a time is trained.
func Shared(o Options) Options { return o.shared() }

// Kept reads samples into memory where they fit beside those of other trainings.
var Kept = kept
