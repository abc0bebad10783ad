package healpixop_test

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/ops"
)

// randomCases is how many cases the tests of bodies run: ASTRONNX_CASES, or 200.
func randomCases(t *testing.T) int {
	s := os.Getenv("ASTRONNX_CASES")
	if s == "" {
		return 200
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("ASTRONNX_CASES: %v", err)
	}
	return n
}

// runBodies compares bodies on stock onnxruntime with definitions.
func runBodies(t *testing.T, cases []optest.Case) {
	t.Helper()
	var jobs []optest.Job
	var want [][]*graph.Tensor
	for _, c := range cases {
		m, in, err := c.Model()
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		w, err := c.Eval()
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		if err := ops.AttachBodies(m, healpixop.Set()); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		jobs = append(jobs, optest.Job{Name: c.String(), Model: m, Inputs: in})
		want = append(want, w)
	}
	for i, got := range optest.Stock(t, jobs) {
		if got == nil {
			continue
		}
		if d := optest.Different(got, want[i], cases[i].Tolerance()); d != "" {
			t.Errorf("%s: %s", cases[i], d)
		}
	}
}

func TestRandomBodies(t *testing.T) {
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		t.Run(d.String(), func(t *testing.T) {
			g := optest.NewGen(2024, d)
			cases := make([]optest.Case, randomCases(t)/2)
			for i := range cases {
				cases[i] = g.Any()
			}
			runBodies(t, cases)
		})
	}
}

// network is a small U-shaped network whose nodes of one operator differ in nside, in attributes and in what inputs
// they have.
func network(t *testing.T) *graph.Model {
	t.Helper()
	m := &graph.Model{Graph: &graph.Graph{Name: "network"}, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}}
	b := ops.NewBuilder(m.Graph, ops.Standard().With(healpixop.Set()), m.Opsets)
	g := optest.NewGen(3, graph.Float32)
	op := func(name string, a graph.Attrs, in ...*graph.Value) *graph.Value {
		return b.Op(healpixop.Domain+":Healpix"+name, a, in...)
	}
	weight := func(co, ci int64) *graph.Value { return b.Param("w", g.Normal(co, ci, 9)) }
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(2), graph.D(768)))
	fine := op("Conv", graph.Attrs{"nside": 8, "detect_unseen": 1}, x, weight(3, 2), b.Param("b", g.Normal(3)))
	y := op("Pool", graph.Attrs{"nside": 8}, fine)
	y = op("Conv", graph.Attrs{"nside": 4, "missing": "hpxpad"}, y, weight(4, 3))
	y = op("Conv", graph.Attrs{"nside": 4, "missing": "hpxpad"}, y, weight(4, 4))
	y = op("Conv", graph.Attrs{"nside": 4}, y, weight(3, 4), b.Param("b", g.Normal(3)), op("Neighbors", graph.Attrs{"nside": 4}))
	y = b.Op("Add", nil, fine, op("Upsample", graph.Attrs{"nside": 4}, y))
	y = op("Pool", graph.Attrs{"nside": 8, "factor": 8, "mode": "avg"}, y)
	y.Type = graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(3), graph.D(12))
	m.Graph.Outputs = []*graph.Value{y}
	return m
}

func TestNetworkBody(t *testing.T) {
	m := network(t)
	x := optest.NewGen(4, graph.Float32).Normal(2, 2, 768)
	graph.Data[float32](x)[100] = -1.6375e30
	plan, err := reference.Engine{Set: ops.Standard().With(healpixop.Set())}.Compile(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]*graph.Tensor, 1)
	if err := plan.Run(context.Background(), []*graph.Tensor{x}, nil, want); err != nil {
		t.Fatal(err)
	}
	if err := ops.AttachBodies(m, healpixop.Set()); err != nil {
		t.Fatal(err)
	}
	got := optest.Stock(t, []optest.Job{{Name: "network", Model: m, Inputs: map[string]*graph.Tensor{"x": x}, Check: true}})
	if got[0] != nil {
		if d := optest.Different(got[0], want, ops.Tolerance{Rel: 1e-4, Abs: 1e-4}); d != "" {
			t.Error(d)
		}
	}
}

// TestOpensAtSize: a file with three convolutions at nside 512 is small, and a stock onnxruntime opens it in 5 s of
// processor time and 2 GB, since the nodes share one table, which moving edges of faces makes cheaply.
func TestOpensAtSize(t *testing.T) {
	for _, missing := range []string{"zero", "hpxpad"} {
		m := &graph.Model{Graph: &graph.Graph{Name: "large"}, Opsets: map[string]int64{"": 18, healpixop.Domain: 1}}
		b := ops.NewBuilder(m.Graph, ops.Standard().With(healpixop.Set()), m.Opsets)
		y := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(2), graph.D(npix(512))))
		for range 3 {
			w := b.Param("w", graph.NewTensor(graph.Float32, 2, 2, 9))
			y = b.Op(healpixop.Domain+":HealpixConv", graph.Attrs{"nside": 512, "missing": missing}, y, w)
		}
		m.Graph.Outputs = []*graph.Value{y}
		if err := ops.AttachBodies(m, healpixop.Set()); err != nil {
			t.Fatal(err)
		}
		file, err := onnxio.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		seconds, peak := optest.OpenStock(t, file)
		t.Logf("%s: %d kB, %.1f s, %.2f GB", missing, len(file)>>10, seconds, peak/1e9)
		if len(file) > 5<<20 || seconds > 5 || peak > 2e9 {
			t.Errorf("%s: a file of %d bytes opens in %.1f s and %.2f GB: want 5 MB, 5 s and 2 GB", missing, len(file), seconds, peak/1e9)
		}
	}
}
