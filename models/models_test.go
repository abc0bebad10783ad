package models_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
)

// evaluate runs m by the definitions of its operators.
func evaluate(t *testing.T, m *graph.Model, x *graph.Tensor) []*graph.Tensor {
	t.Helper()
	plan, err := reference.Engine{Set: ops.Standard().With(healpixop.Set())}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*graph.Tensor, len(m.Graph.Outputs))
	if err := plan.Run(context.Background(), []*graph.Tensor{x}, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// noise returns maps of normal numbers with some pixels of the first channel Unseen or NaN.
func noise(n, c, npix int64, holes bool) *graph.Tensor {
	r := rand.New(rand.NewPCG(7, 7))
	t := graph.NewTensor(graph.Float32, n, c, npix)
	x := graph.Data[float32](t)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if holes && int64(i)/npix%c == 0 {
			switch r.IntN(5) {
			case 0:
				x[i] = models.Unseen
			case 1:
				x[i] = float32(math.NaN())
			}
		}
	}
	return t
}

func isUnseen(x float32) bool { return math.Abs(float64(x)-models.Unseen) <= 1e-5*-models.Unseen }

func TestMultiresolutionAddsUp(t *testing.T) {
	for _, holes := range []bool{false, true} {
		m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 16, Levels: 4})
		if err != nil {
			t.Fatal(err)
		}
		x := noise(2, 3, 12*16*16, holes)
		bands := evaluate(t, m, x)
		if len(bands) != 5 {
			t.Fatalf("got %d outputs want 5", len(bands))
		}
		worst := 0.0
		for i, want := range graph.Data[float32](x) {
			var sum float32
			lost := 0
			for _, b := range bands {
				v := graph.Data[float32](b)[i]
				if isUnseen(v) {
					lost++
				}
				sum += v
			}
			if noData := isUnseen(want) || want != want; noData != (lost == len(bands)) || lost != 0 && !noData {
				t.Fatalf("pixel %d is %v in the map: Unseen in %d of %d bands", i, want, lost, len(bands))
			} else if !noData {
				worst = max(worst, math.Abs(float64(sum-want))/max(1, math.Abs(float64(want))))
			}
		}
		if worst > 1e-6 {
			t.Errorf("holes %v: the bands add up to the map with relative error %.2g, want 1e-6", holes, worst)
		}
	}
}

func TestMultiresolutionBandsHaveScales(t *testing.T) {
	m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 16, Levels: 2})
	if err != nil {
		t.Fatal(err)
	}
	x := graph.NewTensor(graph.Float32, 1, 1, 12*16*16)
	for i := range graph.Data[float32](x) {
		graph.Data[float32](x)[i] = 3
	}
	out := evaluate(t, m, x)
	for i, want := range []float32{0, 0, 3} {
		for p, v := range graph.Data[float32](out[i]) {
			if math.Abs(float64(v-want)) > 1e-6 {
				t.Fatalf("a constant 3: %s pixel %d: got %v want %v", m.Graph.Outputs[i].Name, p, v, want)
			}
		}
	}
}

func TestMultiresolutionOrders(t *testing.T) {
	run := func(order healpix.Order) []*graph.Tensor {
		m, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 8, Order: order.String()})
		if err != nil {
			t.Fatal(err)
		}
		x := noise(1, 1, 12*64, true)
		y := graph.NewTensor(graph.Float32, x.Shape...)
		if err := healpix.Reorder(graph.Data[float32](y), graph.Data[float32](x), healpix.Ring, order); err != nil {
			t.Fatal(err)
		}
		var bands []*graph.Tensor
		for _, b := range evaluate(t, m, y) {
			ring := graph.NewTensor(graph.Float32, b.Shape...)
			if err := healpix.Reorder(graph.Data[float32](ring), graph.Data[float32](b), order, healpix.Ring); err != nil {
				t.Fatal(err)
			}
			bands = append(bands, ring)
		}
		return bands
	}
	want := run(healpix.Ring)
	for _, order := range []healpix.Order{healpix.Nested, healpix.XY} {
		if d := optest.Different(run(order), want, ops.Bitwise); d != "" {
			t.Errorf("%s: %s", order, d)
		}
	}
}

func parameters(m *graph.Model) int64 {
	var n int64
	for _, v := range m.Graph.Initializers {
		n += v.Const.Len()
	}
	return n
}

func TestNNHealpixParameters(t *testing.T) {
	m, err := models.NNHealpix(models.NNHealpixConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got := parameters(m); got != 46857 { // as Keras counts them in the published network
		t.Errorf("got %d parameters want 46857", got)
	}
	if got := m.Graph.Outputs[0].Type.String(); got != "float32[N,9]" {
		t.Errorf("output is %s", got)
	}
}

// The networks of the CMB's tests, with the sizes that Keras counts for them, and the errors of the numbers as a second output.
func TestNNHealpixMeasures(t *testing.T) {
	for name, c := range map[string]struct {
		cfg     models.NNHealpixConfig
		want    int64
		outputs []string
	}{
		"one map, one number":    {models.NNHealpixConfig{Outputs: 1}, 46465, []string{"y"}},
		"two maps, two numbers":  {models.NNHealpixConfig{Maps: 2, Outputs: 2, Dropout: 0.2}, 46802, []string{"y"}},
		"four maps, two numbers": {models.NNHealpixConfig{Maps: 4, Outputs: 2, Pool: "avg"}, 47378, []string{"y"}},
		"four maps, tau and its error": {models.NNHealpixConfig{Maps: 4, Outputs: 1, Pool: "avg", Errors: true, Dropout: 0.2}, 47378,
			[]string{"mean", "sigma"}},
	} {
		m, err := models.NNHealpix(c.cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := parameters(m); got != c.want {
			t.Errorf("%s: got %d parameters want %d", name, got, c.want)
		}
		dropouts := 0
		for _, n := range m.Graph.Nodes {
			if n.Op == "Dropout" {
				dropouts++
			}
		}
		if (dropouts == 1) != (c.cfg.Dropout > 0) {
			t.Errorf("%s: %d Dropout nodes", name, dropouts)
		}
		var names []string
		for _, v := range m.Graph.Outputs {
			names = append(names, v.Name)
		}
		if !slices.Equal(names, c.outputs) {
			t.Errorf("%s: outputs %v want %v", name, names, c.outputs)
		}
	}
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 4, Outputs: 2, Errors: true})
	if err != nil {
		t.Fatal(err)
	}
	out := evaluate(t, m, noise(3, 4, 192, false))
	for i, s := range graph.Data[float32](out[1]) {
		if !(s > 0) {
			t.Errorf("standard deviation %d is %v", i, s)
		}
	}
	for _, cfg := range []models.NNHealpixConfig{{Errors: true, Softmax: true}, {Dropout: 1}, {Dropout: -0.1}, {Dropout: math.NaN()},
		{Maps: 3, Spin: true}} {
		if _, err := models.NNHealpix(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func TestNNHealpixSeed(t *testing.T) {
	a, err := models.NNHealpix(models.NNHealpixConfig{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := models.NNHealpix(models.NNHealpixConfig{Seed: 5})
	c, _ := models.NNHealpix(models.NNHealpixConfig{Seed: 6})
	if d := graph.Diff(a, b); d != nil {
		t.Errorf("the same seed: %v", d)
	}
	w := graph.Data[float32](a.Graph.Initializers[0].Const)
	if graph.Data[float32](c.Graph.Initializers[0].Const)[0] == w[0] {
		t.Error("another seed gives the same weights")
	}
	limit, most := math.Sqrt(6/(9.0+9*32)), 0.0
	for _, x := range w {
		most = max(most, math.Abs(float64(x)))
	}
	if most > limit || most < 0.98*limit {
		t.Errorf("weights reach %v: want Glorot's limit %v", most, limit)
	}
}

// TestStock runs the files of all networks on an onnxruntime that has none of our kernels.
func TestStock(t *testing.T) {
	builds := map[string]func() (*graph.Model, error){
		"multiresolution ring": func() (*graph.Model, error) { return models.Multiresolution(models.MultiresolutionConfig{Nside: 8}) },
		"multiresolution nested": func() (*graph.Model, error) {
			return models.Multiresolution(models.MultiresolutionConfig{Nside: 8, Order: "NEST"})
		},
		"nnhealpix": func() (*graph.Model, error) { return models.NNHealpix(models.NNHealpixConfig{Nside: 8, Softmax: true}) },
		"nnhealpix nested, average": func() (*graph.Model, error) {
			return models.NNHealpix(models.NNHealpixConfig{Nside: 8, Blocks: 2, Pool: "avg", Order: "NEST"})
		},
		"nnhealpix of Q and U": func() (*graph.Model, error) {
			return models.NNHealpix(models.NNHealpixConfig{Nside: 8, Maps: 2, Spin: true})
		},
		"nnhealpix with errors": func() (*graph.Model, error) {
			return models.NNHealpix(models.NNHealpixConfig{Nside: 8, Pool: "avg", Errors: true, Dropout: 0.2})
		},
	}
	var jobs []optest.Job
	var want [][]*graph.Tensor
	for name, build := range builds {
		m, err := build()
		if err != nil {
			t.Fatal(err)
		}
		channels := int64(1)
		if strings.HasSuffix(name, "Q and U") {
			channels = 2
		}
		x := noise(2, channels, 12*64, strings.HasPrefix(name, "multi"))
		jobs = append(jobs, optest.Job{Name: name, Model: m, Inputs: map[string]*graph.Tensor{"map": x}, Check: true})
		plain, err := build()
		if err != nil {
			t.Fatal(err)
		}
		ops.DetachBodies(plain, healpixop.Set())
		want = append(want, evaluate(t, plain, x))
	}
	for i, got := range optest.Stock(t, jobs) {
		if got != nil {
			if d := optest.Different(got, want[i], ops.Tolerance{Rel: 1e-5, Abs: 1e-6}); d != "" {
				t.Errorf("%s: %s", jobs[i].Name, d)
			}
		}
	}
}

func TestRegistry(t *testing.T) {
	for _, n := range models.All() {
		if _, err := n.New(nil); err != nil {
			t.Errorf("%s with its defaults: %v", n.Name, err)
		}
		if _, err := n.New(map[string]string{"nside": "3"}); err == nil {
			t.Errorf("%s: nside 3 is taken", n.Name)
		}
		if _, err := n.New(map[string]string{"colour": "red"}); err == nil || !strings.Contains(err.Error(), "colour") {
			t.Errorf("%s: an option that it has not: %v", n.Name, err)
		}
		if _, err := n.New(map[string]string{"nside": "many"}); err == nil || !strings.Contains(err.Error(), "integer") {
			t.Errorf("%s: nside many: %v", n.Name, err)
		}
	}
	n, err := models.Find("nnhealpix")
	if err != nil {
		t.Fatal(err)
	}
	m, err := n.New(map[string]string{"nside": "32", "order": "NESTED", "maps": "2", "unit": "K"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"astronnx.map.nside": "32", "astronnx.map.ordering": "NESTED", "astronnx.map.unit": "K",
		"astronnx.model": "nnhealpix"} {
		if got := m.Metadata[key]; got != want {
			t.Errorf("metadata %s: got %q want %q", key, got, want)
		}
	}
	if _, err := models.Find("lenet"); err == nil || !strings.Contains(err.Error(), "multiresolution") {
		t.Errorf("a network that is not there: %v", err)
	}
}

// TestStockAtSize: files of networks at nside 512 are small, and a stock onnxruntime opens them in 5 s of processor
// time and 2 GB.
func TestStockAtSize(t *testing.T) {
	large, err := models.NNHealpix(models.NNHealpixConfig{Nside: 512})
	if err != nil {
		t.Fatal(err)
	}
	bands, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 512, Levels: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*graph.Model{large, bands} {
		file, err := onnxio.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		seconds, peak := optest.OpenStock(t, file)
		t.Logf("%s: %d kB, %.1f s, %.2f GB", m.Graph.Name, len(file)>>10, seconds, peak/1e9)
		if len(file) > 5<<20 || seconds > 5 || peak > 2e9 {
			t.Errorf("%s: a file of %d bytes opens in %.1f s and %.2f GB: want 5 MB, 5 s and 2 GB", m.Graph.Name, len(file), seconds, peak/1e9)
		}
	}
}
