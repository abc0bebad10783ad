package recipes

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/healpix/sht"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/train"
)

// Recipe is a measurement to learn.
type Recipe struct {
	Name, Doc string
	// Noise and Fsky are the defaults of [Options]; more than one value makes more than one case.
	Noise, Fsky []float64

	setup     string // what the skies are, in words
	unit      string // of maps; empty: as the spectra, without
	stokes    sims.Stokes
	params    []sims.Param
	search    [2]float64 // range of the likelihood's parameters
	spectra   func(p []float64) (*sht.Spectra, error)
	fwhm      float64              // of the beam, in radians; 0: none
	channels  []float64            // noise of each channel, in parts of that of their mean by inverse variance, which is Noise
	points    []float64            // parameters at which bias and spread are taken
	published map[string]published // by case
	// likelihood measures the skies of lots as exactly as can be, and says how.
	likelihood func(ctx context.Context, s *scene, lots []*lot) (name string, of []readings, err error)
}

// published is a row of a paper: the mean error of its network, and of its likelihood, in per cent; 0: not told.
type published struct{ network, likelihood float64 }

// All returns the recipes.
func All() []*Recipe {
	return []*Recipe{
		{
			Name: "peak", Doc: "the multipole at which a spectrum peaks, from T", Noise: []float64{0}, Fsky: []float64{1},
			setup:  "T of C_l = exp(−(l − l_p)²/(2·5²)) + 1e-5, l = 2 to 3 nside − 1; white noise; a part of the sky is a cap around the north pole",
			stokes: sims.T, params: []sims.Param{{Name: "l_p", Low: 5, High: 20}}, search: [2]float64{2, 25},
			spectra: func(p []float64) (*sht.Spectra, error) {
				return &sht.Spectra{TT: sims.PeakSpectrum(p[0], peakLmax)}, nil
			},
			channels: []float64{1},
			published: map[string]published{
				"noise 0": {1.3, 0.7}, "noise 5": {2.9, 2.5}, "noise 10": {5.2, 4.8}, "noise 15": {8.4, 7.8},
			},
			likelihood: spectral,
		},
		{
			Name: "peak-eb", Doc: "the multipoles at which the spectra of E and B peak, from Q and U", Noise: []float64{0}, Fsky: []float64{1},
			setup: "Q and U of E and B with C_l = exp(−(l − l_E)²/(2·5²)) + 1e-5 and the same with l_B; white noise; a part of the sky is a cap " +
				"around the north pole",
			stokes: sims.QU, params: []sims.Param{{Name: "l_E", Low: 5, High: 20}, {Name: "l_B", Low: 5, High: 20}}, search: [2]float64{2, 25},
			spectra: func(p []float64) (*sht.Spectra, error) {
				return &sht.Spectra{EE: sims.PeakSpectrum(p[0], peakLmax), BB: sims.PeakSpectrum(p[1], peakLmax)}, nil
			},
			channels: []float64{1},
			published: map[string]published{
				"f_sky 1": {2.7, 0.7}, "f_sky 0.5": {3.9, 0}, "f_sky 0.2": {5.3, 0}, "f_sky 0.1": {6.4, 0}, "f_sky 0.05": {8.4, 0},
			},
			likelihood: spectral,
		},
		{
			Name: "tau", Doc: "the optical depth of reionisation, from Q and U", Noise: []float64{0}, Fsky: []float64{1},
			setup: "Q and U of CAMB's lensed E and B, A_s fixed, no tensors, no beam; white noise in µK a pixel; a part of the sky is a cap around " +
				"the north pole",
			unit: "uK_CMB", stokes: sims.QU, params: []sims.Param{{Name: "tau", Low: 0.03, High: 0.08}},
			search: [2]float64{sims.TauMin, sims.TauMax}, spectra: cmb,
			channels:   []float64{1},
			published:  map[string]published{"f_sky 1": {4.0, 2.8}},
			likelihood: spectral,
		},
		{
			Name: "tau-planck", Doc: "the optical depth from Q and U of two channels like Planck's, on a part of the sky",
			Noise: []float64{0.5}, Fsky: []float64{0.54},
			setup: "Q and U of two channels, of CAMB's lensed E and B, A_s fixed, no tensors, a Gaussian beam of 4°; white noise in µK a pixel of " +
				"the channels' mean by inverse variance, 5/3 and 5/4 of that in each; a part of the sky is what a band along the equator leaves. The " +
				"template is a fixed pattern of l = 2 to 6 in the first channel, half the noise in rms, times a normal number",
			unit: "uK_CMB", stokes: sims.QU, search: [2]float64{sims.TauMin, sims.TauMax}, spectra: cmb,
			// A network gives means of the posterior, which a prior that ends near the truth draws aside.
			params: []sims.Param{{Name: "tau", Low: sims.TauMin, High: sims.TauMax}},
			fwhm:   4 * math.Pi / 180, channels: []float64{5. / 3, 5. / 4}, points: []float64{0.05, 0.06, 0.07},
			likelihood: pixels,
		},
	}
}

// cmb is the polarisation that tells tau: E, and B of lensing.
func cmb(p []float64) (*sht.Spectra, error) {
	s, err := sims.TauSpectra(p[0])
	if err != nil {
		return nil, err
	}
	return &sht.Spectra{EE: s.EE, BB: s.BB}, nil
}

// peakLmax is the last l of the spectra with a peak, more than any nside here asks for.
const peakLmax = 191

// Find returns the recipe of a name.
func Find(name string) (*Recipe, error) {
	var names []string
	for _, r := range All() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return nil, errs.New(errs.Input, "there is no recipe %q: expected one of %q", name, names)
}

// Options say how a recipe is made; zero fields mean the defaults named with them.
type Options struct {
	Skies  int // to train on; 64,000
	Epochs int // 5
	Test   int // unseen skies to judge on; 1,000
	Seeds  int // networks of each case, of seeds from FirstSeed on; 1
	// FirstSeed is 1 unless the seeds of a case are spread over processes or machines.
	FirstSeed int
	Parallel  int       // networks of a case in training at a time, 1, which share 4 GiB for their skies and
	Threads   int       // as many as these; one a processor. Where Parallel is 1, Engine says how many
	Noise     []float64 // standard deviation of a pixel, of the channels' mean where there are several, a case each; the recipe's
	Fsky      []float64 // part of the sky that is seen, a case each; the recipe's
	Template  bool      // a second case for each: with a fixed template of random amplitude in the first channel
	Dropout   float64   // of what the dense layers read, 0.2 in the papers; 0: none, which serves turned skies under new noise better
	Rate      float64   // learning rate, which rises in a twentieth of the steps and falls in half a cosine wave; 2e-3
	Batch     int       // 32
	Quick     bool      // nside 4, a small network, few skies: shows that all of it works, and measures little

	Transport bool // a second case for each: a network that carries Q and U into the frame of each pixel, models.NNHealpixConfig.Spin

	Folder  string // of everything that is written
	Command string // that the report says reproduces it
	Engine  runtime.Config
	// Watch is told what is done now, behind the case's name and a colon, and Progress how the training of a seed goes, never two at a time.
	Watch    func(what string)
	Progress func(seed int, p train.Progress)
}

func (o Options) defaults(r *Recipe) (Options, error) {
	whole := func(x *int, full, quick int) {
		if *x == 0 {
			if *x = full; o.Quick {
				*x = quick
			}
		}
	}
	if o.Transport && !r.Polarised() {
		return o, errs.New(errs.Input, "transport carries Q and U, which %s has none of", r.Name)
	}
	whole(&o.Skies, 64_000, 256)
	whole(&o.Epochs, 5, 3)
	whole(&o.Test, 1000, 60)
	whole(&o.Seeds, 1, 1)
	whole(&o.FirstSeed, 1, 1)
	whole(&o.Parallel, 1, 1)
	whole(&o.Batch, 32, 32)
	if o.Rate == 0 {
		o.Rate = 2e-3
	}
	if o.Noise == nil {
		o.Noise = r.Noise
	}
	if o.Fsky == nil {
		o.Fsky = r.Fsky
	}
	if o.Watch == nil {
		o.Watch = func(string) {}
	}
	switch {
	case o.Folder == "":
		return o, errs.New(errs.Output, "no folder for what %s writes", r.Name)
	case min(o.Skies, o.Epochs, o.Test, o.Seeds, o.FirstSeed, o.Batch) < 1:
		return o, errs.New(errs.Input, "%d skies, %d epochs, %d unseen skies, %d seeds from %d on, batches of %d: expected at least 1 of each",
			o.Skies, o.Epochs, o.Test, o.Seeds, o.FirstSeed, o.Batch)
	case o.Test < 20:
		return o, errs.New(errs.Input, "%d unseen skies judge nothing: expected at least 20", o.Test)
	case o.Parallel < 1:
		return o, errs.New(errs.Input, "%d networks at a time: expected at least 1", o.Parallel)
	case !(o.Dropout >= 0 && o.Dropout < 1) || !(o.Rate > 0):
		return o, errs.New(errs.Input, "dropout %g, rate %g: expected a part from 0 to below 1 and a rate above 0", o.Dropout, o.Rate)
	}
	for _, n := range o.Noise {
		if n == 0 && len(r.channels) > 1 {
			return o, errs.New(errs.Input, "noise 0: the likelihood of %s needs some", r.Name).WithHint("--noise 0.01 is hardly any")
		}
	}
	return o, nil
}

// scene is a case: skies, how they are seen, and who measures them.
type scene struct {
	*Recipe
	name     string // also of its folder
	noise    float64
	fsky     float64
	template bool
	carried  bool        // Q and U, by the network
	sky      sims.Config // without Len and Seed
	nside    int
}

// seen is the name without what the network does: of the skies, and so of what others make of them.
func (s *scene) seen() string { return strings.TrimSuffix(s.name, transported) }

const transported = ", transport"

// Polarised reports whether the skies are Q and U.
func (r *Recipe) Polarised() bool { return r.stokes == sims.QU }

// scenes returns the cases of a recipe.
func (r *Recipe) scenes(o Options) ([]*scene, error) {
	var list []*scene
	for _, fsky := range o.Fsky {
		for _, noise := range o.Noise {
			for _, template := range []bool{false, true}[:1+b2i(o.Template)] {
				s, err := r.scene(o, noise, fsky, template)
				if err != nil {
					return nil, err
				}
				list = append(list, s)
				if o.Transport {
					second := *s
					second.name, second.carried = s.name+transported, true
					list = append(list, &second)
				}
			}
		}
	}
	return list, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (r *Recipe) scene(o Options, noise, fsky float64, template bool) (*scene, error) {
	if !(fsky > 0 && fsky <= 1) {
		return nil, errs.New(errs.Input, "f_sky %g: expected a part of the sky, above 0 and up to 1", fsky)
	}
	if !(noise >= 0) || math.IsInf(noise, 0) {
		return nil, errs.New(errs.Input, "noise %g: expected a standard deviation, 0 or more", noise)
	}
	s := &scene{Recipe: r, noise: noise, fsky: fsky, template: template, nside: 16}
	if o.Quick {
		s.nside = 4
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	switch {
	case r.Name == "peak" && fsky == 1:
		s.name = "noise " + number(noise)
	case noise == 0:
		s.name = "f_sky " + number(fsky)
	default:
		s.name = fmt.Sprintf("noise %s, f_sky %s", number(noise), number(fsky))
	}
	if template {
		s.name += ", template"
	}
	s.sky = sims.Config{Nside: s.nside, Stokes: r.stokes, Params: r.params, Spectra: r.spectra}
	lmax := 3*s.nside - 1
	if r.fwhm > 0 {
		s.sky.Window = sims.Gaussian(r.fwhm, lmax)
	}
	for _, part := range r.channels {
		s.sky.Channels = append(s.sky.Channels, sims.Channel{White: sims.White{T: noise * part, P: noise * part}})
	}
	if fsky < 1 {
		// The papers' masks: what a galaxy leaves for Planck, a cap for the tests of the sky's part.
		var err error
		if len(r.channels) > 1 {
			s.sky.Mask, err = sims.BandMask(s.nside, fsky)
		} else {
			s.sky.Mask, err = sims.DiscMask(s.nside, fsky, [3]float64{0, 0, 1})
		}
		if err != nil {
			return nil, err
		}
	}
	if template {
		var err error
		s.sky.Channels[0].Template, err = s.systematic()
		return s, err
	}
	return s, nil
}

// systematic is a pattern of the largest scales in Q and U, as residuals of calibration leave, of as much rms as half the noise. It
// is one fixed map; its amplitude has mean 0 and standard deviation 1.
func (s *scene) systematic() (*sims.Template, error) {
	plan, err := sht.NewPlan(s.nside, 3*s.nside-1)
	if err != nil {
		return nil, err
	}
	cl := make([]float64, 3*s.nside)
	for l := 2; l <= 6 && l < len(cl); l++ {
		cl[l] = 1 / float64(l*l)
	}
	alm := make([]complex128, 2*plan.Size())
	if err := sht.SynalmTo(alm, &sht.Spectra{EE: cl, BB: cl}, 3*s.nside-1, dataset.RNG(1)); err != nil {
		return nil, err
	}
	qu := make([]float64, 2*plan.Npix())
	if err := plan.Alm2MapSpin2To(qu, alm); err != nil {
		return nil, err
	}
	square := 0.0
	for _, v := range qu {
		square += v * v / float64(len(qu))
	}
	scale := s.noise / 2 / math.Sqrt(square)
	for i := range qu {
		qu[i] *= scale
	}
	return &sims.Template{Map: qu, Sigma: 1}, nil
}
