package export

import (
	"math"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// Normalise returns what the network reads for raw values x, a float32 or float64 tensor: what the file does, in float64. Training
// normalises its data by it.
func (p Input) Normalise(x *graph.Tensor) (*graph.Tensor, error) {
	if err := p.check(x.Shape); err != nil {
		return nil, err
	}
	offset, scale := byChannel(p.Offset, 0, x.Shape), byChannel(p.Scale, 1, x.Shape)
	return mapped(x, func(i int, v float64) float64 {
		if p.Fill != nil && p.missing(v) {
			return *p.Fill
		}
		return (p.transform(v*orOne(p.Factor)) - offset(i)) / scale(i)
	})
}

// raw is the inverse of Normalise.
func (p Input) raw(z *graph.Tensor) (*graph.Tensor, error) {
	offset, scale := byChannel(p.Offset, 0, z.Shape), byChannel(p.Scale, 1, z.Shape)
	return mapped(z, func(i int, v float64) float64 {
		v = v*scale(i) + offset(i)
		switch p.Transform {
		case Log:
			v = math.Exp(v)
		case Asinh:
			v = math.Sinh(v) * orOne(p.Softening)
		}
		return v / orOne(p.Factor)
	})
}

func (p Input) transform(v float64) float64 {
	switch p.Transform {
	case Log:
		return math.Log(v)
	case Asinh:
		return math.Asinh(v / orOne(p.Softening))
	}
	return v
}

func (p Input) missing(v float64) bool {
	return math.IsNaN(v) || p.Map.Unseen != nil && isMark(v, *p.Map.Unseen)
}

// isMark compares with the value of missing pixels as healpy does.
func isMark(v, mark float64) bool { return math.Abs(v-mark) <= markTolerance*math.Abs(mark) }

const markTolerance = 1e-5

// check refuses settings that no map of the given sizes can have; -1 is an unknown one.
func (p Input) check(shape []int64) error {
	switch p.Transform {
	case "", Log, Asinh:
	default:
		return errs.New(errs.Input, "transform is %q: expected %s, %s or none", p.Transform, Log, Asinh)
	}
	for what, v := range map[string]float64{"factor": orOne(p.Factor), "softening": orOne(p.Softening)} {
		if !(v > 0) || math.IsInf(v, 0) {
			return errs.New(errs.Input, "%s is %g: expected a positive number", what, v)
		}
	}
	if err := checkChannels("offset", p.Offset, shape, false); err != nil {
		return err
	}
	return checkChannels("scale", p.Scale, shape, true)
}

// Normalise returns what the network should give for results x, a float32 or float64 tensor: the inverse of what the file does, in
// float64. Training makes its targets by it.
func (p Output) Normalise(x *graph.Tensor) (*graph.Tensor, error) {
	if err := p.check(x.Shape); err != nil {
		return nil, err
	}
	return mapped(x, p.inverse(x.Shape))
}

// inverse takes the post-processing off element i of a tensor of that shape.
func (p Output) inverse(shape []int64) func(i int, v float64) float64 {
	offset, scale := byChannel(p.Offset, 0, shape), byChannel(p.Scale, 1, shape)
	return func(i int, v float64) float64 {
		if p.Exp {
			v = math.Log(v)
		}
		return (v - offset(i)) / scale(i)
	}
}

func (p Output) check(shape []int64) error {
	if err := checkChannels("offset", p.Offset, shape, false); err != nil {
		return err
	}
	if err := checkChannels("scale", p.Scale, shape, true); err != nil {
		return err
	}
	if c := channelsOf(shape); len(p.Parameters) > 0 && c >= 0 && c != int64(len(p.Parameters)) {
		return errs.New(errs.Input, "%d parameters for %d channels of shape %v", len(p.Parameters), c, shape)
	}
	return nil
}

// checkChannels refuses lists that are not one finite number, or one a channel.
func checkChannels(what string, list []float64, shape []int64, divides bool) error {
	c := channelsOf(shape)
	if len(list) > 1 && c >= 0 && c != int64(len(list)) {
		return errs.New(errs.Input, "%s has %d numbers for %d channels of shape %v: expected one, or one a channel", what, len(list), c, shape)
	}
	for _, v := range list {
		if math.IsNaN(v) || math.IsInf(v, 0) || divides && v == 0 {
			return errs.New(errs.Input, "%s is %v: expected finite numbers, and none to divide by that is 0", what, list)
		}
	}
	return nil
}

// channelAxis is the axis of channels: the one after the batch, or the only one.
func channelAxis(rank int) int { return min(1, rank-1) }

// channelsOf returns the number of channels of a shape, 1 of a scalar, -1 where it is not known.
func channelsOf(shape []int64) int64 {
	if len(shape) == 0 {
		return 1
	}
	return shape[channelAxis(len(shape))]
}

// byChannel looks up the number for element i of a tensor.
func byChannel(list []float64, def float64, shape []int64) func(i int) float64 {
	switch len(list) {
	case 0:
		return func(int) float64 { return def }
	case 1:
		return func(int) float64 { return list[0] }
	}
	inner := 1
	for _, d := range shape[channelAxis(len(shape))+1:] {
		inner *= int(d)
	}
	return func(i int) float64 { return list[i/inner%len(list)] }
}

// mapped applies f to every element.
func mapped(x *graph.Tensor, f func(i int, v float64) float64) (*graph.Tensor, error) {
	y := graph.NewTensor(x.DType, x.Shape...)
	switch x.DType {
	case graph.Float32:
		out := graph.Data[float32](y)
		for i, v := range graph.Data[float32](x) {
			out[i] = float32(f(i, float64(v)))
		}
	case graph.Float64:
		out := graph.Data[float64](y)
		for i, v := range graph.Data[float64](x) {
			out[i] = f(i, v)
		}
	default:
		return nil, errs.New(errs.Input, "%s is not normalised: expected float32 or float64", x)
	}
	return y, nil
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}
