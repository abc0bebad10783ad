package models

import (
	"math/bits"

	"github.com/astronnx/astronnx/graph"
)

// NNHealpixConfig configures [NNHealpix].
type NNHealpixConfig struct {
	Nside    int     `json:"nside" default:"16" help:"resolution of the input, a power of two"`
	Maps     int     `json:"maps" default:"1" help:"channels of the input, as T, or Q and U"`
	Order    string  `json:"order" default:"RING" help:"order of the input, RING, NEST or XY"`
	Spin     bool    `json:"spin" help:"take the maps for pairs of Q and U, which the first layer carries into each pixel's frame"`
	Blocks   int     `json:"blocks" help:"convolutions with pooling (default: down to nside 1)"`
	Filters  int     `json:"filters" default:"32" help:"channels of each convolution"`
	Pool     string  `json:"pool" default:"max" help:"pooling, max or avg"`
	Hidden   int     `json:"hidden" default:"48" help:"width of the dense layer"`
	Outputs  int     `json:"outputs" default:"9" help:"numbers or classes to tell"`
	Softmax  bool    `json:"softmax" help:"make the outputs class probabilities"`
	Errors   bool    `json:"errors" help:"tell the standard deviation of each number as a second output"`
	Dropout  float64 `json:"dropout" help:"part of what the dense layers read that training drops"`
	Unit     string  `json:"unit" help:"unit of the maps"`
	Coordsys string  `json:"coordsys" help:"coordinate system of the maps, G, E or C"`
	Seed     uint64  `json:"seed" default:"1" help:"of the initial weights"`
}

// NNHealpix is the network of Krachmalnicoff and Tomasi 2019, A&A 628, A129: blocks of a 3×3 convolution without bias,
// ReLU and pooling to half the nside, then two dense layers. With the defaults it has 46,857 parameters.
//
// The input map (N, Maps, 12 Nside²) gives y (N, Outputs), both float32. Taps of the convolutions are in the order of
// the authors' code (nnhealpix), and pixels run slower than channels where maps are flattened, so that their Keras
// weights fit; weights are drawn as Keras does, Glorot uniform, biases 0. With Dropout, 0.2 in the paper, a node before
// the dense layers drops in training.
//
// With Spin the first convolution has spin_pairs (see package healpixop): maps are pairs of Q and U of HEALPix's sign, COSMO.
//
// With Errors there are two outputs in place of y, mean and sigma (N, Outputs): with average pooling, the network for
// the optical depth of Wolz et al. 2023, A&A 676, A30, as train.Moments or LogMoments trains it. Softplus makes sigma positive.
func NNHealpix(cfg NNHealpixConfig) (*graph.Model, error) {
	const name = "nnhealpix"
	if err := defaults(&cfg); err != nil {
		return nil, err
	}
	most := bits.Len(uint(cfg.Nside)) - 1
	if cfg.Blocks == 0 {
		cfg.Blocks = most
	}
	order, err := parseOrder(cfg.Order, cfg.Nside)
	switch {
	case err != nil:
		return nil, err
	case bits.OnesCount(uint(cfg.Nside)) != 1:
		return nil, badConfig(name, "nside is %d: expected a power of two", cfg.Nside)
	case cfg.Blocks < 0 || cfg.Blocks > most:
		return nil, badConfig(name, "%d blocks at nside %d: expected 1 to %d", cfg.Blocks, cfg.Nside, most)
	case min(cfg.Maps, cfg.Filters, cfg.Hidden, cfg.Outputs) < 1:
		return nil, badConfig(name, "maps, filters, hidden and outputs are %d, %d, %d and %d: expected at least 1",
			cfg.Maps, cfg.Filters, cfg.Hidden, cfg.Outputs)
	case cfg.Spin && cfg.Maps%2 != 0:
		return nil, badConfig(name, "spin and %d maps: expected pairs of Q and U", cfg.Maps)
	case cfg.Pool != "max" && cfg.Pool != "avg":
		return nil, badConfig(name, "pool is %q: expected max or avg", cfg.Pool)
	case cfg.Errors && cfg.Softmax:
		return nil, badConfig(name, "softmax and errors: class probabilities have no standard deviation")
	case !(cfg.Dropout >= 0 && cfg.Dropout < 1):
		return nil, badConfig(name, "dropout is %g: expected 0 or more and less than 1", cfg.Dropout)
	}
	n, err := newNet(name, "NNhealpix: convolutions and pooling on the sphere, then dense layers.", cfg)
	if err != nil {
		return nil, err
	}
	w := newWeights(cfg.Seed)
	x := n.Graph.NewInput("map", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(int64(cfg.Maps)),
		graph.D(int64(12*cfg.Nside*cfg.Nside))))
	n.describe("map", maps{nside: cfg.Nside, order: order, unit: cfg.Unit, coordsys: cfg.Coordsys})

	nside, channels := cfg.Nside, cfg.Maps
	for range cfg.Blocks {
		kernel := n.Param("conv.weight", w.glorot(9*channels, 9*cfg.Filters, int64(cfg.Filters), int64(channels), 9))
		attrs := graph.Attrs{"nside": nside, "order": order.String(), "tap_order": "nnhealpix"}
		if cfg.Spin && nside == cfg.Nside {
			attrs["spin_pairs"] = cfg.Maps / 2
		}
		x = n.sphere("HealpixConv", attrs, x, kernel)
		x = n.Op("Relu", nil, x)
		x = n.sphere("HealpixPool", graph.Attrs{"nside": nside, "order": order.String(), "mode": cfg.Pool}, x)
		nside, channels = nside/2, cfg.Filters
	}
	x = n.Op("Flatten", nil, n.Transpose(x, 0, 2, 1))
	if cfg.Dropout > 0 {
		x = n.Op("Dropout", nil, x, n.float(cfg.Dropout))
	}
	x = n.Op("Relu", nil, n.dense(w, x, 12*nside*nside*channels, cfg.Hidden))
	y := n.dense(w, x, cfg.Hidden, cfg.Outputs)
	dims := []graph.Dim{graph.Sym("N"), graph.D(int64(cfg.Outputs))}
	switch {
	case cfg.Errors:
		n.output("mean", y, dims...)
		n.output("sigma", n.Op("Softplus", nil, n.dense(w, x, cfg.Hidden, cfg.Outputs)), dims...)
	case cfg.Softmax:
		n.output("y", n.Op("Softmax", nil, y), dims...)
	default:
		n.output("y", y, dims...)
	}
	return n.finish()
}

// dense appends a layer x·W + b.
func (n *net) dense(w weights, x *graph.Value, in, out int) *graph.Value {
	weight := n.Param("dense.weight", w.glorot(in, out, int64(in), int64(out)))
	return n.Op("Gemm", nil, x, weight, n.Param("dense.bias", graph.NewTensor(graph.Float32, int64(out))))
}
