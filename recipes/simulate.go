package recipes

import (
	"context"
	"math"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/sims"
	"github.com/astronnx/astronnx/sky"
)

// SetOptions say which skies of a recipe are written, and how.
type SetOptions struct {
	Skies       int // number of them
	Noise, Fsky float64
	Template    bool
	Quick       bool   // nside 4
	Seed        uint32 // of the skies: those that the network of this seed learns from, under one noise each

	Folder   string
	FITS     bool   // a map a sky and a table of parameters, in place of .npz files
	Shard    int    // skies that are written at once; 0: 1000
	Version  string // of what simulates, for the manifest
	Progress func(skies int)
}

// set is what a manifest says of skies.
type set struct {
	Version    string      `json:"version"`
	Recipe     string      `json:"recipe"`
	Setup      string      `json:"setup"`
	Seed       uint32      `json:"seed"`
	Nside      int         `json:"nside"`
	Lmax       int         `json:"lmax"`
	Ordering   string      `json:"ordering"`
	Unit       string      `json:"unit,omitempty"`
	Fields     []string    `json:"fields"` // channels of the map
	Params     []parameter `json:"params"`
	Noise      float64     `json:"noise"`            // standard deviation of a pixel, of the channels' mean
	Channels   []float64   `json:"noise_by_channel"` // of each channel
	FWHM       float64     `json:"fwhm_deg,omitempty"`
	Template   bool        `json:"template,omitempty"`
	Fsky       float64     `json:"f_sky"`
	Mask       string      `json:"mask,omitempty"` // see EncodeMask; pixels outside are 0
	Simulation uint64      `json:"sims_seed"`      // of package sims
}

// parameter is one that is drawn uniformly.
type parameter struct {
	Name string  `json:"name"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Simulate writes skies of a recipe into a folder, with their parameters and a manifest, see [dataset.WriteShards]: arrays "map",
// [skies, channels, npix] in RING order and the recipe's unit, 0 outside of the mask, and "params", [skies, parameters]; or FITS maps
// of these channels. Skies of different seeds have nothing in common, and none is one that judges networks of [Recipe.Run].
func (r *Recipe) Simulate(ctx context.Context, o SetOptions) (*dataset.Manifest, error) {
	if o.Skies < 1 || o.Shard < 0 {
		return nil, errs.New(errs.Input, "%d skies in shards of %d: expected at least 1 in both", o.Skies, o.Shard)
	}
	s, err := r.scene(Options{Quick: o.Quick}, o.Noise, o.Fsky, o.Template)
	if err != nil {
		return nil, err
	}
	seed := trainingSeeds + uint64(o.Seed)
	skies, err := s.skies(o.Skies, seed)
	if err != nil {
		return nil, err
	}
	about := set{
		Version: o.Version, Recipe: r.Name, Setup: r.setup, Seed: o.Seed, Nside: s.nside, Lmax: 3*s.nside - 1, Ordering: "RING", Unit: s.unit,
		Fields: s.columns(), Noise: o.Noise, FWHM: r.fwhm * 180 / math.Pi, Template: o.Template, Fsky: o.Fsky, Simulation: seed,
	}
	shards := dataset.ShardOptions{Size: o.Shard, Progress: o.Progress}
	for _, p := range r.params {
		about.Params = append(about.Params, parameter(p))
		shards.Params = append(shards.Params, p.Name)
	}
	for _, c := range s.sky.Channels {
		about.Channels = append(about.Channels, c.White.P)
	}
	if s.sky.Mask != nil {
		about.Mask = EncodeMask(s.sky.Mask)
	}
	shards.About = about
	if o.FITS {
		shards.FITS = &sky.Map{Nside: s.nside, Order: healpix.Ring}
		if r.stokes != sims.T {
			shards.FITS.Polcconv = "COSMO"
		}
		for _, name := range about.Fields {
			shards.FITS.Columns = append(shards.FITS.Columns, sky.Column{Name: name, Unit: s.unit})
		}
	}
	return dataset.WriteShards(ctx, skies, o.Folder, shards)
}
