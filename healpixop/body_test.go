package healpixop_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/healpixop/optest"
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
