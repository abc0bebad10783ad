package export

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
)

// Sizes of symbolic dimensions that nothing tells.
const (
	guessChannels = 2
	guessSize     = 32
)

// missingShare is the part of a random map that is missing, where pixels may be.
const missingShare = 0.05

// generate makes random inputs of the file: what the network reads is normal noise, in raw units. A batch of open size is 1 and 2.
func generate(m *graph.Model, o Options) ([]runtime.Inputs, error) {
	var all []runtime.Inputs
	for _, batch := range []int64{1, 2} {
		r := rand.New(rand.NewPCG(uint64(batch), 0x6173_7472_6f6e_6e78))
		s := runtime.Inputs{}
		for _, v := range m.Graph.Inputs {
			if slices.Contains(m.Graph.Initializers, v) {
				continue // it has a default
			}
			t, err := random(m, v, o, batch, r)
			if err != nil {
				return nil, err
			}
			s[v.Name] = t
		}
		all = append(all, s)
	}
	return all, nil
}

func random(m *graph.Model, v *graph.Value, o Options, batch int64, r *rand.Rand) (*graph.Tensor, error) {
	if v.Type == nil || v.Type.Kind != graph.TensorKind || v.Type.Rank() < 0 {
		return nil, errs.New(errs.Input, "no values for input %q of type %s can be made up", v.Name, v.Type).WithHint("give samples")
	}
	p := o.Inputs[v.Name].marked(m, v.Name)
	shape := v.Type.Sizes()
	for i, d := range v.Type.Shape {
		if d.Known() {
			continue
		}
		nside, _ := strconv.Atoi(m.Metadata[prefix+v.Name+".nside"])
		size, given := o.Dims[d.Param]
		switch {
		case given && d.Param != "":
			shape[i] = size
		case i == 0:
			shape[i] = batch
		case i == len(shape)-1 && nside > 0:
			shape[i] = 12 * int64(nside) * int64(nside)
		case i == 1 && max(len(p.Offset), len(p.Scale)) > 1:
			shape[i] = int64(max(len(p.Offset), len(p.Scale)))
		case i == 1 && len(shape) > 2:
			shape[i] = guessChannels
		default:
			shape[i] = guessSize
		}
	}
	const limit = 1 << 30
	if n, ok := graph.NumElements(shape); !ok || n > limit {
		return nil, errs.New(errs.Limit, "input %q would have shape %v", v.Name, shape).WithHint("give samples")
	}
	t := graph.NewTensor(v.Type.DType, shape...)
	var err error
	switch {
	case t.DType == graph.Float32 || t.DType == graph.Float64:
		t, err = noise(t, p, r)
	case t.DType == graph.Bool:
		for i := range t.Raw {
			t.Raw[i] = min(1, byte(r.IntN(10))) // mostly true
		}
	case t.DType == graph.Int64 && len(shape) == 1: // numbers of pixels
		for i := range graph.Data[int64](t) {
			graph.Data[int64](t)[i] = int64(i)
		}
	case t.DType == graph.String:
		err = errs.New(errs.Input, "no texts for input %q can be made up", v.Name).WithHint("give samples")
	}
	return t, err
}

// noise fills t with raw values that become normal noise, with holes where p or the metadata know missing pixels.
func noise(t *graph.Tensor, p Input, r *rand.Rand) (*graph.Tensor, error) {
	z, err := mapped(t, func(int, float64) float64 { return r.NormFloat64() })
	if err != nil {
		return nil, err
	}
	x, err := p.raw(z)
	if err != nil {
		return nil, err
	}
	return mapped(x, func(_ int, v float64) float64 {
		switch {
		case p.Map.Unseen == nil && p.Fill == nil || r.Float64() >= missingShare:
			return v
		case p.Map.Unseen == nil || p.Fill != nil && r.IntN(2) == 0:
			return math.NaN()
		}
		return *p.Map.Unseen
	})
}
