package recipes

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/stats"
)

// readings are what an estimator makes of a lot: the parameters of each sky, and their standard deviations, 0 where it does not tell.
type readings struct {
	Mean  [][]float64 `json:"mean"`
	Sigma [][]float64 `json:"sigma"`
}

// iterations of the transforms to alm make the quadrature's errors small beside the floor of the spectra.
const iterations = 30

// spectral is the likelihood of full skies by their spectra, one parameter a spectrum. Of a part of the sky it measures the whole, and
// the errors grow as there are fewer modes.
func spectral(ctx context.Context, s *scene, lots []*lot) (string, []readings, error) {
	full := *s
	full.sky.Mask = nil
	for i := range full.sky.Channels {
		full.sky.Channels[i].Template = nil
	}
	name, part := "exact likelihood", math.Sqrt(s.fsky)
	if s.fsky < 1 {
		name = "exact likelihood of the full sky, errors / √f_sky"
	}
	plan, err := sht.NewPlan(s.nside, 3*s.nside-1)
	if err != nil {
		return "", nil, err
	}
	plan = plan.WithThreads(1)
	var out []readings
	for _, l := range lots {
		if s.fsky < 1 {
			sky, err := full.skies(l.n, l.seed)
			if err != nil {
				return "", nil, err
			}
			truth := l.truth
			if l, err = full.read(ctx, sky, l.n); err != nil {
				return "", nil, err
			}
			l.truth = truth
		}
		r := readings{make([][]float64, l.n), make([][]float64, l.n)}
		err := parallel(ctx, l.n, func(i int) error {
			mean, sigma, err := full.likeliest(plan, l, i)
			for k := range mean {
				mean[k] = l.truth[i][k] + (mean[k]-l.truth[i][k])/part
				sigma[k] /= part
			}
			r.Mean[i], r.Sigma[i] = mean, sigma
			return err
		})
		if err != nil {
			return "", nil, err
		}
		out = append(out, r)
	}
	return name, out, nil
}

// likeliest measures the parameters of a sky of one channel.
func (s *scene) likeliest(plan *sht.Plan, l *lot, i int) (mean, sigma []float64, err error) {
	observed, err := spectraOf(plan, wide(l, i))
	if err != nil {
		return nil, nil, err
	}
	area := 4 * math.Pi / float64(plan.Npix())
	p := make([]float64, len(s.params))
	for k := range s.params {
		p[k] = (s.params[k].Low + s.params[k].High) / 2
	}
	for k := range s.params {
		one := only(observed, s.stokes, k)
		f := stats.FullSky{Observed: one, Lmin: 2, Lmax: plan.Lmax()}
		x, sd, err := stats.Maximum(func(x float64) (float64, error) {
			q := append([]float64{}, p...)
			q[k] = x
			model, err := s.spectra(q)
			if err != nil {
				return 0, err
			}
			return f.LogLike(stats.AddNoise(only(model, s.stokes, k), s.noise, s.noise, area))
		}, s.search[0], s.search[1])
		if err != nil {
			return nil, nil, err
		}
		if math.IsNaN(sd) {
			sd = 0
		}
		mean, sigma = append(mean, x), append(sigma, sd)
	}
	return mean, sigma, nil
}

// only returns the spectrum that parameter k is measured from: T, or E, or B.
func only(s *sht.Spectra, stokes sims.Stokes, k int) *sht.Spectra {
	switch {
	case stokes == sims.T:
		return &sht.Spectra{TT: s.TT}
	case k == 0:
		return &sht.Spectra{EE: s.EE}
	}
	return &sht.Spectra{BB: s.BB}
}

// wide returns map i.
func wide(l *lot, i int) []float64 {
	n := len(graph.Data[float32](l.maps)) / l.n
	m := make([]float64, n)
	for k, v := range graph.Data[float32](l.maps)[i*n : (i+1)*n] {
		m[k] = float64(v)
	}
	return m
}

// spectraOf returns the spectra of T, or of Q and U.
func spectraOf(plan *sht.Plan, m []float64) (*sht.Spectra, error) {
	if len(m) == plan.Npix() {
		return plan.Anafast(m, iterations)
	}
	return plan.Anafast(append(make([]float64, plan.Npix()), m...), iterations)
}

// pixels is the likelihood of the pixels that are seen, of the channels' mean by inverse variance. It knows of no template.
func pixels(ctx context.Context, s *scene, lots []*lot) (string, []readings, error) {
	lmax, npix := 3*s.nside-1, 12*s.nside*s.nside
	mask := s.sky.Mask
	if mask == nil {
		mask = make([]bool, npix)
		for i := range mask {
			mask[i] = true
		}
	}
	seen := 0
	for _, in := range mask {
		seen += b2i(in)
	}
	total := 0.0
	var weights []float64
	for _, part := range s.channels {
		weights = append(weights, 1/(s.noise*part*s.noise*part))
		total += weights[len(weights)-1]
	}
	p, err := stats.NewPixels(s.nside, lmax, mask, s.sky.Window.P, stats.WhiteNoise(2*seen, 1/math.Sqrt(total)))
	if err != nil {
		return "", nil, err
	}
	var maps [][]float64
	for _, l := range lots {
		for i := range l.n {
			all, mean := wide(l, i), make([]float64, 2*npix)
			for c, w := range weights {
				for k := range mean {
					mean[k] += w / total * all[c*2*npix+k]
				}
			}
			maps = append(maps, mean)
		}
	}
	var grid []float64
	like := make([][]float64, len(maps))
	for i := range scanned {
		x := s.search[0] + (s.search[1]-s.search[0])*float64(i)/(scanned-1)
		x = min(x, s.search[1])
		grid = append(grid, x)
		if err := ctx.Err(); err != nil {
			return "", nil, errs.New(errs.Canceled, "likelihood: %w", err)
		}
		spectra, err := s.spectra([]float64{x})
		if err != nil {
			return "", nil, err
		}
		values, err := p.LogLike(spectra, maps...)
		if err != nil {
			return "", nil, err
		}
		for k, v := range values {
			like[k] = append(like[k], v)
		}
	}
	var out []readings
	at := 0
	for _, l := range lots {
		r := readings{}
		for range l.n {
			x, sd, err := stats.MaximumOnGrid(grid, like[at])
			if err != nil {
				return "", nil, err
			}
			if math.IsNaN(sd) {
				sd = 0
			}
			r.Mean, r.Sigma = append(r.Mean, []float64{x}), append(r.Sigma, []float64{sd})
			at++
		}
		out = append(out, r)
	}
	name := "exact likelihood of the pixels"
	if s.template {
		name += ", which ignores the template"
	}
	return name, out, nil
}

// scanned is how many models the likelihood of pixels is taken of.
const scanned = 25

// parallel calls f for 0 to n-1 on all cores.
func parallel(ctx context.Context, n int, f func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	failures := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < n && failures[w] == nil; i += workers {
				if err := ctx.Err(); err != nil {
					failures[w] = errs.New(errs.Canceled, "likelihood: %w", err)
				} else if err := f(i); err != nil {
					failures[w] = fmt.Errorf("sky %d: %w", i, err)
				}
			}
		})
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}
