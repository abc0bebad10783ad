package export_test

import (
	"errors"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
)

func TestNormalise(t *testing.T) {
	nan := math.NaN()
	maps := runtime.MapInfo{Unseen: number(models.Unseen)}
	for name, c := range map[string]struct {
		p       export.Input
		x, want []float64 // (1, 2, 2): two channels of two pixels
	}{
		"nothing":     {export.Input{}, []float64{1, 2, 3, nan}, []float64{1, 2, 3, nan}},
		"by channel":  {export.Input{Factor: 10, Offset: []float64{1, 2}, Scale: []float64{2, 4}}, []float64{1, 2, 3, 4}, []float64{4.5, 9.5, 7, 9.5}},
		"by field":    {export.Input{Offset: []float64{1}, Scale: []float64{2}}, []float64{1, 2, 3, 4}, []float64{0, 0.5, 1, 1.5}},
		"logarithm":   {export.Input{Transform: export.Log, Factor: math.E}, []float64{1, math.E, 1 / math.E, 1}, []float64{1, 2, 0, 1}},
		"arcsinh":     {export.Input{Transform: export.Asinh, Softening: 2}, []float64{0, 2 * math.Sinh(1), 0, -2 * math.Sinh(3)}, []float64{0, 1, 0, -3}},
		"missing":     {export.Input{Fill: number(-7), Map: maps, Factor: 1e10}, []float64{nan, models.Unseen, models.Unseen * 1.000001, 1}, []float64{-7, -7, -7, 1e10}},
		"missing NaN": {export.Input{Fill: number(0)}, []float64{nan, models.Unseen, 1, 2}, []float64{0, models.Unseen, 1, 2}},
	} {
		z, err := c.p.Normalise(graph.FromSlice(c.x, 1, 2, 2))
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range graph.Data[float64](z) {
			if want := c.want[i]; math.Abs(got-want) > 1e-12*math.Abs(want) || math.IsNaN(got) != math.IsNaN(want) {
				t.Errorf("%s: element %d is %v want %v", name, i, got, want)
			}
		}
	}
	y, err := export.Output{Scale: []float64{2, 4}, Offset: []float64{1, 2}, Exp: true}.Normalise(
		graph.FromSlice([]float64{math.Exp(3), math.Exp(10), math.Exp(1), math.Exp(2)}, 2, 2))
	if err != nil || !slices.Equal(graph.Data[float64](y), []float64{1, 2, 0, 0}) {
		t.Errorf("%v, %v", y, err)
	}
	if _, err := (export.Input{Scale: []float64{1, 2, 3}}).Normalise(graph.FromSlice([]float64{1, 2}, 1, 2)); err == nil {
		t.Error("three scales for two channels pass")
	}
	if _, err := (export.Input{}).Normalise(graph.Vector[int64](1)); err == nil {
		t.Error("integers pass")
	}
}

func TestWeights(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights.npz")
	m := images()
	if err := export.WriteWeights(path, m); err != nil {
		t.Fatal(err)
	}
	const script = "import numpy, sys\nfor k, v in numpy.load(sys.argv[1]).items(): print(k, v.dtype, *v.shape, v.sum() == 36)"
	out, err := exec.Command(testkit.Python(t, "numpy"), "-c", script, path).Output()
	if err != nil || !strings.Contains(string(out), "conv1.weight float32 8 2 3 3 False\n") ||
		!strings.Contains(string(out), "bn.var float32 8 True\n") || strings.Count(string(out), "\n") != len(m.Graph.Initializers) {
		t.Errorf("%v: numpy reads\n%s", err, out)
	}
	fresh := m.Clone()
	for _, v := range fresh.Graph.Initializers {
		v.Const = graph.NewTensor(v.Const.DType, v.Const.Shape...)
	}
	if err := export.ReadWeights(path, fresh); err != nil {
		t.Fatal(err)
	}
	for i, v := range fresh.Graph.Initializers {
		if !v.Const.Equal(m.Graph.Initializers[i].Const) {
			t.Errorf("%s did not come back", v.Name)
		}
	}
	other := fresh.Clone()
	g := other.Graph
	g.Initializers[0].Name = "conv0.weight"
	g.Initializers[1].Const = graph.NewTensor(graph.Float32, 3)
	kept := g.Initializers[2].Const
	err = export.ReadWeights(path, other)
	for _, want := range []string{"conv0.weight is missing", "norm.var is float32[8], the network has float32[3]", "no conv1.weight"} {
		if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if g.Initializers[2].Const != kept {
		t.Error("weights that do not fit changed the network")
	}
}
