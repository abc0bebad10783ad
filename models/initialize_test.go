package models_test

import (
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
)

// layers has one of each kind, with a bias that is to stay.
func layers() (*graph.Model, map[string][2]int) {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 18}, Graph: &graph.Graph{}}
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.D(1), graph.D(24), graph.D(5), graph.D(5)))
	zeros := func(name string, shape ...int64) *graph.Value {
		return b.Param(name, graph.NewTensor(graph.Float32, shape...))
	}
	x = b.Op("Conv", nil, x, zeros("conv", 40, 24, 3, 3), zeros("bias", 40))
	x = b.Op("ConvTranspose", nil, x, zeros("up", 40, 30, 2, 2))
	x = b.Op("Flatten", nil, b.Op("GlobalAveragePool", nil, x))
	x = b.Op("Gemm", graph.Attrs{"transB": 1}, x, zeros("gemm", 50, 30))
	m.Graph.Outputs = []*graph.Value{b.Op("MatMul", nil, x, zeros("product", 50, 20))}
	return m, map[string][2]int{"conv": {24 * 9, 40 * 9}, "up": {40 * 4, 30 * 4}, "gemm": {30, 50}, "product": {50, 20}}
}

func TestInitialize(t *testing.T) {
	for name, c := range map[string]struct {
		scheme   models.Scheme
		variance func(in, out float64) float64
		uniform  bool
	}{
		"glorot":          {models.GlorotUniform(), func(in, out float64) float64 { return 2 / (in + out) }, true},
		"xavier":          {models.XavierNormal(), func(in, out float64) float64 { return 2 / (in + out) }, false},
		"kaiming":         {models.KaimingNormal(0.2), func(in, _ float64) float64 { return 2 / (1.04 * in) }, false},
		"kaiming uniform": {models.KaimingUniform(0), func(in, _ float64) float64 { return 2 / in }, true},
		"normal":          {models.Normal(0.02), func(_, _ float64) float64 { return 4e-4 }, false},
	} {
		m, fans := layers()
		if err := models.Initialize(m, c.scheme, 5); err != nil {
			t.Fatal(err)
		}
		for _, v := range m.Graph.Initializers {
			fan, drawn := fans[v.Name]
			var sum, most float64
			for _, x := range graph.Data[float32](v.Const) {
				sum += float64(x) * float64(x)
				most = max(most, math.Abs(float64(x)))
			}
			if !drawn {
				if sum != 0 {
					t.Errorf("%s: %s was drawn", name, v.Name)
				}
				continue
			}
			n := float64(v.Const.Len())
			want := c.variance(float64(fan[0]), float64(fan[1]))
			if got := sum / n; math.Abs(got/want-1) > 6*math.Sqrt(2/n) {
				t.Errorf("%s: variance of %s is %.4g want %.4g", name, v.Name, got, want)
			}
			if bound := math.Sqrt(3 * want); c.uniform != (most <= bound) {
				t.Errorf("%s: %s reaches %.3g, the bound of a uniform draw is %.3g", name, v.Name, most, bound)
			}
		}
	}
}

func TestOrthogonal(t *testing.T) {
	m, _ := layers()
	if err := models.Initialize(m, models.Orthogonal(2), 5); err != nil {
		t.Fatal(err)
	}
	// Rows of what each output reads, and the other way round where there are more outputs.
	for name, at := range map[string]func(i, k int) int{
		"conv":    func(i, k int) int { return i*24*9 + k },
		"gemm":    func(i, k int) int { return k*30 + i },           // 50 outputs of 30: columns
		"product": func(i, k int) int { return k*20 + i },           // (in, out)
		"up":      func(i, k int) int { return (k/4*30+i)*4 + k%4 }, // (in, out, taps)
	} {
		rows, columns := map[string][2]int{"conv": {40, 216}, "gemm": {30, 50}, "product": {20, 50}, "up": {30, 160}}[name][0],
			map[string][2]int{"conv": {40, 216}, "gemm": {30, 50}, "product": {20, 50}, "up": {30, 160}}[name][1]
		var w []float32
		for _, v := range m.Graph.Initializers {
			if v.Name == name {
				w = graph.Data[float32](v.Const)
			}
		}
		for i := range rows {
			for j := range rows {
				sum, want := 0.0, 0.0
				for k := range columns {
					sum += float64(w[at(i, k)]) * float64(w[at(j, k)])
				}
				if i == j {
					want = 4
				}
				if math.Abs(sum-want) > 1e-5 {
					t.Fatalf("%s: rows %d and %d have the product %v want %v", name, i, j, sum, want)
				}
			}
		}
	}
}

func TestInitializeNothing(t *testing.T) {
	m := &graph.Model{Graph: &graph.Graph{}}
	if err := models.Initialize(m, models.GlorotUniform(), 1); err == nil {
		t.Error("a network without layers: want an error")
	}
}
