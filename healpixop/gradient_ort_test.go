//go:build cgo && !purego && (linux || darwin)

package healpixop_test

import (
	"bytes"
	"context"
	"maps"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// onRuntime compiles a gradient model for onnxruntime.
func onRuntime(t testing.TB, c optest.Case, m *graph.Model, threads int, bodies bool) *runtime.Model {
	t.Helper()
	cfg := runtime.NewConfig().WithOps(healpixop.Set()).WithEngine("onnxruntime").WithLibrary(testkit.ORT(t)).
		WithThreads(threads).WithFunctionBodies(bodies)
	model, err := runtime.Compile(m, cfg)
	if err != nil {
		t.Fatalf("%s: bodies %v: %v", c, bodies, err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	return model
}

// TestGradientsOnRuntime: onnxruntime gives the reference engine's gradients, and one and two threads give the same bits.
func TestGradientsOnRuntime(t *testing.T) {
	g := optest.NewGen(11, graph.Float32)
	for range randomCases(t) / 8 {
		c := g.Any()
		if c.Op == "HealpixNeighbors" || !c.In[0].DType.IsFloat() || c.In[0].Len() == 0 {
			continue // onnxruntime's MatMul takes no empty batch
		}
		out, err := c.Eval()
		if err != nil {
			t.Fatal(err)
		}
		compareThreads(t, c, g.Normal(out[0].Shape...))
	}
	pixels := partialSky(16)
	for _, a := range []graph.Attrs{{"missing": "zero"}, {"missing": "hpxpad"}, {"missing": "zero", "spin_pairs": 2, "order": "RING"}} {
		a["nside"] = 16
		table := maps.Clone(a)
		delete(table, "missing")
		index := eval(t, "HealpixNeighbors", table)
		for _, in := range [][]*graph.Tensor{
			{g.Normal(2, 5, npix(16)), g.Normal(7, 5, 9), g.Normal(7)},
			{g.Normal(2, 5, npix(16)), g.Normal(7, 5, 9), nil, index},
			{g.Normal(2, 5, pixels.Len()), g.Normal(7, 5, 9), nil, nil, nil, pixels},
		} {
			c := optest.Case{Op: "HealpixConv", Attrs: a, In: in, Dynamic: make([]bool, len(in)), Outputs: 1}
			compareThreads(t, c, g.Normal(2, 7, in[0].Shape[2]))
		}
	}
}

func compareThreads(t *testing.T, c optest.Case, dy *graph.Tensor) {
	t.Helper()
	tol := c.Tolerance()
	if dy.Len() > 1000 { // dW and dB are sums over the pixels
		tol.Abs *= 50
	}
	want := gradients(t, c, healpixop.Set(), dy)
	for _, bodies := range []bool{false, true} {
		var first []*graph.Tensor
		for _, threads := range []int{1, 2} {
			m, in := gradientModel(t, c, healpixop.Set(), dy)
			model := onRuntime(t, c, m, threads, bodies)
			for range 3 {
				got, err := model.RunList(context.Background(), in...)
				if err != nil {
					t.Errorf("%s: bodies %v, %d threads: %v", c, bodies, threads, err)
					return
				}
				if d := optest.Different(got, want, tol); d != "" {
					t.Errorf("%s: bodies %v, %d threads: %s", c, bodies, threads, d)
				}
				if first == nil {
					first = got
				}
				for i := range got {
					if !bytes.Equal(got[i].Raw, first[i].Raw) {
						t.Errorf("%s: bodies %v: gradient %d depends on threads or changes between runs", c, bodies, i)
					}
				}
			}
		}
	}
}

// BenchmarkConvGradient is forward and gradient at nside 64 with 32 channels: by the rules with kernels and with bodies, and
// through the body, which scatters.
func BenchmarkConvGradient(b *testing.B) {
	g := optest.NewGen(12, graph.Float32)
	in := []*graph.Tensor{g.Normal(1, 32, npix(64)), g.Normal(32, 32, 9)}
	dy := g.Normal(1, 32, npix(64))
	for _, missing := range []string{"zero", "hpxpad"} {
		c := optest.Case{Op: "HealpixConv", Attrs: graph.Attrs{"nside": 64, "missing": missing}, In: in,
			Dynamic: []bool{true, true}, Outputs: 1}
		for _, form := range []struct {
			name   string
			set    *ops.Set
			bodies bool
		}{{"rule, kernel", healpixop.Set(), false}, {"rule, body", healpixop.Set(), true}, {"scatter", withoutRules(), true}} {
			b.Run(missing+" "+form.name, func(b *testing.B) {
				m, in := gradientModel(b, c, form.set, dy)
				for _, n := range m.Graph.Nodes {
					for _, v := range n.Out {
						if v != nil && v.Name == "out0" { // of the forward pass
							m.Graph.Outputs = append(m.Graph.Outputs, v)
						}
					}
				}
				if len(m.Graph.Outputs) != 3 {
					b.Fatalf("%d outputs, want dX, dW and Y", len(m.Graph.Outputs))
				}
				model := onRuntime(b, c, m, 1, form.bodies)
				for b.Loop() {
					if _, err := model.RunList(context.Background(), in...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
