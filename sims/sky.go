package sims

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
)

// Stokes says which fields a map has.
type Stokes int

// The fields of a map: temperature, polarisation or both.
const (
	T Stokes = iota + 1
	QU
	TQU
)

// Fields returns the number of fields.
func (s Stokes) Fields() int { return int(s) }

func (s Stokes) String() string {
	if s < T || s > TQU {
		return "unknown"
	}
	return [...]string{T: "T", QU: "QU", TQU: "TQU"}[s]
}

// Param is a parameter of the spectra, drawn uniformly from Low to High.
type Param struct {
	Name      string
	Low, High float64
}

// Channel is an observation of the sky: what is added to it.
type Channel struct {
	White    White      // of independent pixels
	Noise    Correlated // of pixels that know of each other; nil for none
	Template *Template  // nil for none
}

// White is the standard deviation of the noise of a pixel, in T, and in Q and U.
type White struct{ T, P float64 }

// Template is a fixed map, [fields][npix], that is added with an amplitude drawn from a Gaussian.
type Template struct {
	Map         []float64
	Mean, Sigma float64
}

// Config describes simulations. Nside, Stokes, Len and Spectra must be given.
type Config struct {
	Nside  int
	Lmax   int // of the sky; 0: 3 nside - 1
	Stokes Stokes
	Len    int // number of simulations
	Seed   uint64

	Params  []Param
	Spectra func(params []float64) (*sht.Spectra, error) // of the sky, to Lmax at least; safe for use by many goroutines

	Window   Window    // of beam and pixels; the zero value leaves the sky as it is
	Channels []Channel // of one sky; none: one without noise
	Mask     []bool    // pixels that are seen, of all channels; nil: all. Others are 0
	WithMask bool      // the mask is a last channel of the map, 1 and 0
}

// Window multiplies the alm of T, and of E and B, by numbers from l = 0 to Lmax at least; nil multiplies by 1.
type Window struct{ T, P []float64 }

// Times returns the product of two windows, as long as the shorter.
func (w Window) Times(v Window) Window { return Window{times(w.T, v.T), times(w.P, v.P)} }

func times(a, b []float64) []float64 {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	c := make([]float64, min(len(a), len(b)))
	for l := range c {
		c[l] = a[l] * b[l]
	}
	return c
}

// Sky makes simulations by index. It is immutable and safe for use by many goroutines. It is a
// [dataset.Dataset] of two fields, "map", float32 of [channels · fields (+1 with the mask), npix], channel by channel, and
// "params", float32 of [number of parameters].
type Sky struct {
	c     Config
	plan  *sht.Plan
	chans int // of the map
}

// New checks a configuration.
func New(c Config) (*Sky, error) {
	if c.Stokes < T || c.Stokes > TQU {
		return nil, errs.New(errs.Input, "sims: stokes %d: want T, QU or TQU", c.Stokes)
	}
	if c.Lmax == 0 {
		c.Lmax = 3*c.Nside - 1
	}
	plan, err := sht.NewPlan(c.Nside, c.Lmax)
	if err != nil {
		return nil, err
	}
	if c.Len < 1 || c.Spectra == nil {
		return nil, errs.New(errs.Input, "sims: %d simulations, spectra given: %v: want at least one, and spectra", c.Len, c.Spectra != nil)
	}
	for _, p := range c.Params {
		if !(p.Low <= p.High) {
			return nil, errs.New(errs.Input, "sims: parameter %s from %v to %v", p.Name, p.Low, p.High)
		}
	}
	for name, w := range map[string][]float64{"T": c.Window.T, "P": c.Window.P} {
		if w != nil && len(w) <= c.Lmax {
			return nil, errs.New(errs.Input, "sims: the window of %s ends at l = %d, before lmax = %d", name, len(w)-1, c.Lmax)
		}
	}
	if len(c.Channels) == 0 {
		c.Channels = make([]Channel, 1)
	}
	npix, fields := plan.Npix(), c.Stokes.Fields()
	for i, ch := range c.Channels {
		if ch.White.T < 0 || ch.White.P < 0 {
			return nil, errs.New(errs.Input, "sims: channel %d: negative noise", i)
		}
		if ch.Noise != nil && ch.Noise.Len() != fields*npix {
			return nil, errs.New(errs.Input, "sims: channel %d: noise of %d pixels, the map has %d x %d", i, ch.Noise.Len(), fields, npix)
		}
		if ch.Template != nil && len(ch.Template.Map) != fields*npix {
			return nil, errs.New(errs.Input, "sims: channel %d: a template of %d pixels, the map has %d x %d", i, len(ch.Template.Map), fields, npix)
		}
	}
	if c.Mask != nil && len(c.Mask) != npix || c.WithMask && c.Mask == nil {
		return nil, errs.New(errs.Input, "sims: a mask of %d pixels, nside %d has %d", len(c.Mask), c.Nside, npix)
	}
	if c.Mask != nil && !slices.Contains(c.Mask, true) {
		return nil, errs.New(errs.Input, "sims: the mask leaves none of %d pixels: want at least one that is seen", npix)
	}
	s := &Sky{c: c, plan: plan.WithThreads(1), chans: len(c.Channels) * fields}
	if c.WithMask {
		s.chans++
	}
	// One simulation finds what is wrong with the spectra now instead of in a training.
	return s, s.draw([]int{0}, func(int, []float64, []float64) {})
}

// Len returns the number of simulations.
func (s *Sky) Len() int { return s.c.Len }

// Fields returns the two fields of a simulation.
func (s *Sky) Fields() []dataset.Field {
	return []dataset.Field{
		{Name: "map", DType: graph.Float32, Shape: []int64{int64(s.chans), int64(s.plan.Npix())}},
		{Name: "params", DType: graph.Float32, Shape: []int64{int64(len(s.c.Params))}},
	}
}

// drawn is the number of simulations that a goroutine makes at once.
const drawn = 16

// Read makes the simulations of the given indices, any and in any order, on all cores: into holds a float32 tensor of each
// field, with a first axis of len(index). What is in them after an error is undefined.
func (s *Sky) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	fields := s.Fields()
	if len(into) != len(fields) {
		return errs.New(errs.Input, "sims: %d tensors to read into: want map and params", len(into))
	}
	for i, f := range fields {
		if shape := append([]int64{int64(len(index))}, f.Shape...); into[i].DType != f.DType || !slices.Equal(into[i].Shape, shape) {
			return errs.New(errs.Input, "sims: %s into %s%v: want %s%v", f.Name, into[i].DType, into[i].Shape, f.DType, shape)
		}
	}
	for _, i := range index {
		if i < 0 || i >= s.c.Len {
			return errs.New(errs.Input, "sims: simulation %d: there are 0 to %d", i, s.c.Len-1)
		}
	}
	maps, params := graph.Data[float32](into[0]), graph.Data[float32](into[1])
	pixels, n := s.chans*s.plan.Npix(), len(s.c.Params)
	chunk := max(1, min(drawn, (len(index)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0)))
	return parallel((len(index)+chunk-1)/chunk, func(i int) error {
		if err := ctx.Err(); err != nil {
			return errs.New(errs.Canceled, "sims: %w", err)
		}
		lo := i * chunk
		return s.draw(index[lo:min(lo+chunk, len(index))], func(k int, m, p []float64) {
			narrow(maps[(lo+k)*pixels:(lo+k+1)*pixels], m)
			narrow(params[(lo+k)*n:(lo+k+1)*n], p)
		})
	})
}

func narrow(to []float32, from []float64) {
	for i, v := range from {
		to[i] = float32(v)
	}
}

// parallel calls f for 0 to n-1 on all cores and returns the first error that it met.
func parallel(n int, f func(i int) error) error {
	var next atomic.Int64
	var first error
	var once sync.Once
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					next.Store(int64(n))
				}
			}
		})
	}
	group.Wait()
	return first
}

// Params returns the parameters of simulation i.
func (s *Sky) Params(i int) []float64 {
	r := random(s.c.Seed, i, drawParams)
	p := make([]float64, len(s.c.Params))
	for k, q := range s.c.Params {
		p[k] = q.Low + (q.High-q.Low)*r.Float64()
	}
	return p
}

// draw makes simulations and hands each one's place in index, map and parameters to keep, whose slices are its to read only.
func (s *Sky) draw(index []int, keep func(k int, m, params []float64)) error {
	c, fields := &s.c, s.c.Stokes.Fields()
	npix, size := s.plan.Npix(), s.plan.Size()
	// T of all simulations comes first, then Q and U: a batch for each of the two transforms.
	alm := make([]complex128, len(index)*fields*size)
	skies := make([]float64, len(index)*fields*npix)
	one := make([]complex128, fields*size)
	temperatures, pol := 0, 0
	if c.Stokes != QU {
		temperatures, pol = 1, len(index)
	}
	params := make([][]float64, len(index))
	for k, i := range index {
		params[k] = s.Params(i)
		cl, err := c.Spectra(params[k])
		if err != nil {
			return fmt.Errorf("simulation %d, parameters %v: %w", i, params[k], err)
		}
		if err := sht.SynalmTo(one, cl, c.Lmax, random(c.Seed, i, drawAlm)); err != nil {
			return fmt.Errorf("simulation %d, parameters %v: %w", i, params[k], err)
		}
		for f := range fields {
			to := alm[k*size:][:size]
			w := c.Window.T
			if f >= temperatures {
				to, w = alm[(pol+2*k+f-temperatures)*size:][:size], c.Window.P
			}
			copy(to, one[f*size:])
			if w != nil {
				sht.Almxfl(to, w)
			}
		}
	}
	if err := s.plan.Alm2MapTo(skies[:pol*npix], alm[:pol*size]); err != nil {
		return err
	}
	if fields > 1 {
		if err := s.plan.Alm2MapSpin2To(skies[pol*npix:], alm[pol*size:]); err != nil {
			return err
		}
	}
	out := make([]float64, s.chans*npix)
	for k, i := range index {
		for ch := range c.Channels {
			to := out[ch*fields*npix : (ch+1)*fields*npix]
			copy(to[:temperatures*npix], skies[k*npix:])
			if c.Stokes != T {
				copy(to[temperatures*npix:], skies[(pol+2*k)*npix:])
			}
			noise, amplitude := random(c.Seed, i, drawChannel+2*stream(ch)), random(c.Seed, i, drawChannel+2*stream(ch)+1)
			c.observe(to, ch, temperatures, noise, amplitude)
		}
		if c.WithMask {
			for p, seen := range c.Mask {
				out[(s.chans-1)*npix+p] = 0
				if seen {
					out[(s.chans-1)*npix+p] = 1
				}
			}
		}
		keep(k, out, params[k])
	}
	return nil
}

// observe adds channel ch's noise and template to a map of which the first so many fields are temperatures, and masks it.
func (c *Config) observe(m []float64, ch, temperatures int, noise, amplitude *rand.Rand) {
	channel, npix := &c.Channels[ch], len(m)/c.Stokes.Fields()
	for f := 0; f*npix < len(m); f++ {
		sigma := channel.White.P
		if f < temperatures {
			sigma = channel.White.T
		}
		if sigma > 0 {
			addWhite(m[f*npix:(f+1)*npix], sigma, noise)
		}
	}
	if channel.Noise != nil {
		channel.Noise.Add(m, noise)
	}
	if t := channel.Template; t != nil {
		a := t.Mean + t.Sigma*amplitude.NormFloat64()
		for p, v := range t.Map {
			m[p] += a * v
		}
	}
	for p, seen := range c.Mask {
		if !seen {
			for q := p; q < len(m); q += npix {
				m[q] = 0
			}
		}
	}
}

func addWhite(m []float64, sigma float64, r *rand.Rand) {
	for p := range m {
		m[p] += sigma * r.NormFloat64()
	}
}
