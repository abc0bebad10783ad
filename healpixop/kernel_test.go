//go:build cgo && !purego && (linux || darwin)

package healpixop_test

import (
	"context"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// TestRandomKernels runs random cases in our runtime, where kernels serve what they can and bodies the rest, once with
// each.
func TestRandomKernels(t *testing.T) {
	library := testkit.ORT(t)
	cfg := runtime.NewConfig().WithOps(healpixop.Set()).WithEngine("onnxruntime").WithLibrary(library).WithThreads(1)
	g := optest.NewGen(77, graph.Float32)
	native := 0
	for range randomCases(t) {
		c := g.Any()
		want, err := c.Eval()
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		for _, bodies := range []bool{false, true} {
			m, in, err := c.Model()
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			if err := ops.AttachBodies(m, healpixop.Set()); err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			model, err := runtime.Compile(m, cfg.WithFunctionBodies(bodies))
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			for _, k := range model.Report().Kernels {
				if k.Native {
					native++
				}
			}
			out, err := model.Run(context.Background(), runtime.Inputs(in))
			if err != nil {
				t.Errorf("%s, bodies %v: %v", c, bodies, err)
			} else {
				var got []*graph.Tensor
				for _, o := range model.Outputs() {
					got = append(got, out[o.Name])
				}
				if d := optest.Different(got, want, c.Tolerance()); d != "" {
					t.Errorf("%s, bodies %v: %s", c, bodies, d)
				}
			}
			if err := model.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if share := float64(native) / float64(randomCases(t)); share < 0.2 {
		t.Errorf("%.0f%% of the cases ran in a kernel", 100*share)
	}
}
