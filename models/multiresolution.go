package models

import (
	"fmt"
	"math/bits"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
)

// MultiresolutionConfig configures [Multiresolution].
type MultiresolutionConfig struct {
	Nside    int    `json:"nside" default:"32" help:"resolution of the maps, a power of two"`
	Levels   int    `json:"levels" default:"3" help:"number of bands beside the residual"`
	Order    string `json:"order" default:"RING" help:"order of the maps, RING, NEST or XY"`
	Columns  string `json:"columns" help:"names of the channels, separated by commas"`
	Unit     string `json:"unit" help:"unit of the maps"`
	Coordsys string `json:"coordsys" help:"coordinate system of the maps, G, E or C"`
}

// Multiresolution splits maps into bands of angular scales that add up to the maps, a Laplacian pyramid on the sphere
// (Burt and Adelson 1983). At each level a map is averaged down to half its nside, smoothed there with the mean of a
// 3×3 window, brought back up and subtracted: what it loses is the band, what is left goes on to the next level. There
// is nothing to train.
//
// The input map (N, C, 12 Nside²), float32, gives outputs band_0 (the finest) to band_<Levels-1> and residual of the
// same shape. Each channel is treated alone: pixels that are NaN or Unseen in it are Unseen in its outputs, and
// averages are over the pixels with data.
func Multiresolution(cfg MultiresolutionConfig) (*graph.Model, error) {
	const name = "multiresolution"
	if err := defaults(&cfg); err != nil {
		return nil, err
	}
	order, err := parseOrder(cfg.Order, cfg.Nside)
	switch {
	case err != nil:
		return nil, err
	case bits.OnesCount(uint(cfg.Nside)) != 1:
		return nil, badConfig(name, "nside is %d: expected a power of two", cfg.Nside)
	case cfg.Levels < 1 || cfg.Nside>>cfg.Levels < 1:
		return nil, badConfig(name, "%d levels at nside %d: expected 1 to %d", cfg.Levels, cfg.Nside, bits.Len(uint(cfg.Nside))-1)
	}
	n, err := newNet(name, "Bands of angular scales that add up to the map.", cfg)
	if err != nil {
		return nil, err
	}
	npix := int64(12 * cfg.Nside * cfg.Nside)
	dims := []graph.Dim{graph.Sym("N"), graph.Sym("C"), graph.D(npix)}
	info := maps{cfg.Nside, order, cfg.Unit, cfg.Columns, cfg.Coordsys, true}
	input := n.Graph.NewInput("map", graph.TensorType(graph.Float32, dims...))
	n.describe("map", info)

	p := pyramid{net: n, window: n.Param("window", window())}
	// Channels become maps of a batch, so that each has its own mask.
	x, shape := n.Reshape(input, -1, 1, npix), n.Op("Shape", nil, input)
	if order != healpix.Nested {
		x = n.sphere("HealpixReorder", graph.Attrs{"nside": cfg.Nside, "from": order.String(), "to": "NEST"}, x)
	}
	valid := p.hasData(x)
	rest := level{n.Op("Where", nil, valid, x, n.float(0)), valid, cfg.Nside}
	output := func(name string, v *graph.Value, nside int) {
		if nside < cfg.Nside {
			v = n.sphere("HealpixUpsample", graph.Attrs{"nside": nside, "factor": cfg.Nside / nside}, v)
		}
		v = n.Op("Where", nil, valid, v, n.float(Unseen))
		if order != healpix.Nested {
			v = n.sphere("HealpixReorder", graph.Attrs{"nside": cfg.Nside, "from": "NEST", "to": order.String()}, v)
		}
		n.output(name, n.Op("Reshape", nil, v, shape), dims...)
		n.describe(name, info)
	}
	for l := range cfg.Levels {
		coarse := p.down(rest)
		band := n.Op("Sub", nil, rest.x, n.sphere("HealpixUpsample", graph.Attrs{"nside": coarse.nside, "factor": 2}, coarse.x))
		output(fmt.Sprintf("band_%d", l), band, rest.nside)
		rest = coarse
	}
	output("residual", rest.x, rest.nside)
	return n.finish()
}

// pyramid is the part of a network that goes down.
type pyramid struct {
	*net
	window *graph.Value
}

// level is a map (N, 1, pixels) in NESTED with its mask, 0 where that is false.
type level struct {
	x, valid *graph.Value
	nside    int
}

// window is the mean of nine pixels. Equal weights keep a constant map constant where policy renorm leaves taps out.
func window() *graph.Tensor {
	w := make([]float32, 9)
	for i := range w {
		w[i] = 1. / 9
	}
	return graph.FromSlice(w, 1, 1, 9)
}

// hasData tells pixels that are neither Unseen, by healpy's tolerance, nor NaN, which compares false.
func (p pyramid) hasData(x *graph.Value) *graph.Value {
	return p.Op("Greater", nil, p.Op("Abs", nil, p.Op("Sub", nil, x, p.float(Unseen))), p.float(-1e-5*Unseen))
}

// down averages to half the resolution and smooths.
func (p pyramid) down(l level) level {
	mean, valid := p.masked("HealpixPool", 2, graph.Attrs{"nside": l.nside, "factor": 2, "mode": "avg"}, l.x, l.valid)
	attrs := graph.Attrs{"nside": l.nside / 2, "missing": "renorm", "mask_mode": "renorm"}
	smooth, valid := p.masked("HealpixConv", 1, attrs, mean, p.window, nil, nil, valid)
	return level{smooth, valid, l.nside / 2}
}

// masked appends an operator that also returns its mask_out, output number at.
func (p pyramid) masked(op string, at int, attrs graph.Attrs, in ...*graph.Value) (y, mask *graph.Value) {
	out := make([]*graph.Value, at+1)
	out[0], out[at] = &graph.Value{Name: p.Name(op)}, &graph.Value{Name: p.Name("mask")}
	n := graph.NewNode(healpixop.Domain, op, attrs, in, out)
	n.Name = out[0].Name
	p.Graph.Append(n)
	return out[0], out[at]
}
