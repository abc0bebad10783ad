package ops_test

import (
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/ops"
)

func draw(t *testing.T, name string, attrs graph.Attrs, in ...*graph.Tensor) *graph.Tensor {
	t.Helper()
	y, err := ops.Evaluate(ops.Standard().Newest("", name), attrs, in...)
	if err != nil {
		t.Fatal(err)
	}
	return y[0]
}

// moments returns the mean and the variance of a float64 tensor.
func moments(x *graph.Tensor) (mean, variance float64) {
	v := graph.Data[float64](x)
	for _, f := range v {
		mean += f / float64(len(v))
	}
	for _, f := range v {
		variance += (f - mean) * (f - mean) / float64(len(v))
	}
	return mean, variance
}

const draws = 1 << 16

func TestRandomSeeds(t *testing.T) {
	like := graph.NewTensor(graph.Float64, 64)
	half := graph.NewTensor(graph.Float64, 64)
	for i := range graph.Data[float64](half) {
		graph.Data[float64](half)[i] = 0.5
	}
	for _, c := range []struct {
		op    string
		attrs graph.Attrs
		in    []*graph.Tensor
	}{
		{"RandomUniform", graph.Attrs{"shape": []int64{64}}, nil},
		{"RandomNormal", graph.Attrs{"shape": []int64{64}}, nil},
		{"RandomUniformLike", graph.Attrs{}, []*graph.Tensor{like}},
		{"RandomNormalLike", graph.Attrs{}, []*graph.Tensor{like}},
		{"Bernoulli", graph.Attrs{}, []*graph.Tensor{half}},
		{"Multinomial", graph.Attrs{"sample_size": int64(64)}, []*graph.Tensor{graph.NewTensor(graph.Float64, 1, 5)}},
	} {
		free := draw(t, c.op, c.attrs, c.in...)
		if free.Equal(draw(t, c.op, c.attrs, c.in...)) {
			t.Errorf("%s without a seed draws the same twice", c.op)
		}
		c.attrs["seed"] = float32(3)
		first := draw(t, c.op, c.attrs, c.in...)
		if !first.Equal(draw(t, c.op, c.attrs, c.in...)) {
			t.Errorf("%s with a seed draws differently", c.op)
		}
		c.attrs["seed"] = float32(3.5)
		if first.Equal(draw(t, c.op, c.attrs, c.in...)) {
			t.Errorf("%s draws the same from two seeds", c.op)
		}
	}
}

// TestRandomMoments allows five standard errors.
func TestRandomMoments(t *testing.T) {
	seeded := func(a graph.Attrs) graph.Attrs {
		a["seed"], a["dtype"], a["shape"] = float32(1), int64(graph.Float64), []int64{draws}
		return a
	}
	p := graph.NewTensor(graph.Float64, draws)
	for i := range graph.Data[float64](p) {
		graph.Data[float64](p)[i] = 0.25
	}
	odds := graph.NewTensor(graph.Float64, 1, 3)
	copy(graph.Data[float64](odds), []float64{math.Log(1), math.Log(2), math.Log(5)})
	classes := draw(t, "Multinomial", graph.Attrs{"seed": float32(1), "sample_size": draws, "dtype": int64(graph.Int64)}, odds)
	wide := graph.NewTensor(graph.Float64, draws)
	for i, k := range graph.Data[int64](classes) {
		graph.Data[float64](wide)[i] = float64(k)
	}
	for _, c := range []struct {
		name           string
		x              *graph.Tensor
		mean, variance float64
	}{
		{"uniform", draw(t, "RandomUniform", seeded(graph.Attrs{"low": float32(1), "high": float32(4)})), 2.5, 0.75},
		{"normal", draw(t, "RandomNormal", seeded(graph.Attrs{"mean": float32(-1), "scale": float32(2)})), -1, 4},
		{"Bernoulli", draw(t, "Bernoulli", graph.Attrs{"seed": float32(1)}, p), 0.25, 0.1875},
		{"multinomial", wide, 1.5, 0.5},
	} {
		mean, variance := moments(c.x)
		if math.Abs(mean-c.mean) > 5*math.Sqrt(c.variance/draws) ||
			math.Abs(variance-c.variance) > 5*c.variance*math.Sqrt(2.0/draws) {
			t.Errorf("%s: got mean %g and variance %g want %g and %g", c.name, mean, variance, c.mean, c.variance)
		}
	}
}
