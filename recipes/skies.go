package recipes

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/sims"
)

// Seeds of skies: those of trainings, one a network, have nothing in common with those that judge.
const (
	trainingSeeds   = 1 << 32
	validationSeeds = 2 << 32
	testSeed        = 4 << 32
)

// skies returns n skies of the case.
func (s *scene) skies(n int, seed uint64) (*sims.Sky, error) {
	c := s.sky
	c.Len, c.Seed = n, seed
	return sims.New(c)
}

// middle and spread are what parameters are measured from and in, by the network: mean and standard deviation of the prior.
func (s *scene) middle() (middle, spread []float64) {
	for _, p := range s.params {
		middle = append(middle, (p.Low+p.High)/2)
		spread = append(spread, (p.High-p.Low)/math.Sqrt(12))
	}
	return middle, spread
}

// fields are those of samples as the network and its loss name them.
func (s *scene) fields(sky *sims.Sky) []dataset.Field {
	f := sky.Fields()
	return []dataset.Field{{Name: "map", DType: f[0].DType, Shape: f[0].Shape}, {Name: "target", DType: f[1].DType, Shape: f[1].Shape}}
}

// samples are skies as the network reads them, their maps divided by scale.
func (s *scene) samples(sky *sims.Sky, scale float64) (dataset.Dataset, error) {
	middle, spread := s.middle()
	return dataset.Map(sky, s.fields(sky), func(in, out []*graph.Tensor) error {
		copy(out[0].Raw, in[0].Raw)
		divide(out[0], scale)
		to := graph.Data[float32](out[1])
		for i, p := range graph.Data[float32](in[1]) {
			to[i] = float32((float64(p) - middle[i]) / spread[i])
		}
		return nil
	})
}

func divide(t *graph.Tensor, scale float64) {
	if scale == 1 {
		return
	}
	x := graph.Data[float32](t)
	for i := range x {
		x[i] = float32(float64(x[i]) / scale)
	}
}

// augmented are samples to train on: in every epoch each sky is turned or mirrored, and then seen under another noise.
func (s *scene) augmented(sky *sims.Sky, scale float64) (dataset.Dataset, []dataset.Augment, error) {
	clean, observe := sky.Apart()
	ds, err := s.samples(clean, 1)
	var odd []int
	if s.stokes == sims.QU {
		for c := range s.channels {
			odd = append(odd, 2*c+1)
		}
	}
	return ds, []dataset.Augment{
		dataset.Sphere(healpix.Ring, dataset.SphereField{Name: "map", Odd: odd}),
		observe,
		func(_ *rand.Rand, sample []*graph.Tensor) error {
			divide(sample[0], scale)
			return nil
		},
	}, err
}

// rms is that of the seen pixels of the first skies.
func (s *scene) rms(ctx context.Context, sky *sims.Sky) (float64, error) {
	l, err := s.read(ctx, sky, min(sky.Len(), 64))
	if err != nil {
		return 0, err
	}
	square, n := 0.0, 0
	for i, v := range graph.Data[float32](l.maps) {
		if s.sky.Mask == nil || s.sky.Mask[i%len(s.sky.Mask)] {
			square += float64(v) * float64(v)
			n++
		}
	}
	return math.Sqrt(square / float64(n)), nil
}

// lot is skies to be measured, in memory.
type lot struct {
	at    float64 // parameter of all of them; NaN: drawn from the prior
	n     int
	seed  uint64
	maps  *graph.Tensor
	truth [][]float64
}

func (s *scene) read(ctx context.Context, sky *sims.Sky, n int) (*lot, error) {
	l := &lot{at: math.NaN(), n: n}
	var into []*graph.Tensor
	for _, f := range sky.Fields() {
		into = append(into, graph.NewTensor(f.DType, append([]int64{int64(n)}, f.Shape...)...))
	}
	index := make([]int, n)
	for i := range index {
		index[i] = i
		l.truth = append(l.truth, sky.Params(i))
	}
	l.maps = into[0]
	return l, sky.Read(ctx, index, into)
}

// lots returns the unseen skies that judge: of parameters from the prior, and of each of the recipe's points.
func (s *scene) lots(ctx context.Context, o Options) ([]*lot, error) {
	var list []*lot
	for i, at := range append([]float64{math.NaN()}, s.points...) {
		one, n := *s, o.Test
		if i > 0 {
			n = max(20, o.Test/3)
			one.sky.Params = []sims.Param{{Name: s.params[0].Name, Low: at, High: at}}
		}
		sky, err := one.skies(n, testSeed+uint64(i))
		if err != nil {
			return nil, err
		}
		l, err := one.read(ctx, sky, n)
		if err != nil {
			return nil, err
		}
		l.at, l.seed = at, testSeed+uint64(i)
		list = append(list, l)
	}
	return list, nil
}
