package train_test

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sky"
	"github.com/astronnx/astronnx/train"
)

// golden is a network with what PyTorch 1.13.1 says of its training (testdata/pytorch.py).
type golden struct {
	model  *graph.Model
	loss   train.Loss
	arrays map[string]*graph.Tensor
}

func goldenOf(t *testing.T, name string) golden {
	t.Helper()
	g := golden{loss: train.MSE(), arrays: map[string]*graph.Tensor{}}
	arrays, err := sky.ReadArrays(filepath.Join("testdata", name+".npz"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arrays {
		g.arrays[a.Name] = a
	}
	switch name {
	case "sphere":
		g.model, err = models.NNHealpix(models.NNHealpixConfig{Nside: 4, Filters: 6, Hidden: 12, Outputs: 2})
		for _, v := range g.model.Graph.Initializers {
			if w := g.arrays["param."+v.Name]; w != nil {
				v.Const = w
			}
		}
	case "dense":
		g.loss = train.CrossEntropy()
		fallthrough
	default:
		g.model, err = onnxio.LoadFile(filepath.Join("testdata", name+".onnx"), onnxio.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// setBatch gives a step the golden's batch.
func (g golden) setBatch(t *testing.T, tr *train.Trainer) {
	t.Helper()
	for name, key := range map[string]string{tr.Step.Batch[0]: "x", tr.Step.Targets[0].Name: "t"} {
		x := g.arrays[key]
		if want := tr.Step.Model.Graph.Input(name).Type; want.DType == graph.Float64 {
			x = doubles(x)
		}
		if err := tr.Set(name, x); err != nil {
			t.Fatal(err)
		}
	}
}

func doubles(t *graph.Tensor) *graph.Tensor { return graph.FromSlice(numbers(t), t.Shape...) }

func numbers(t *graph.Tensor) []float64 {
	out := make([]float64, t.Len())
	for i := range out {
		if t.DType == graph.Float64 {
			out[i] = graph.Data[float64](t)[i]
		} else {
			out[i] = float64(graph.Data[float32](t)[i])
		}
	}
	return out
}

// apart is the largest difference over the largest of want.
func apart(got, want []float64) float64 {
	worst, size := 0.0, 0.0
	for i, w := range want {
		worst, size = max(worst, math.Abs(got[i]-w)), max(size, math.Abs(w))
	}
	if worst != worst || len(got) != len(want) {
		return math.Inf(1)
	}
	return worst / size
}

// precisions are the engines at each precision that they have.
func precisions(t *testing.T) map[string]struct {
	engine    runtime.Config
	precision graph.DType
} {
	type p = struct {
		engine    runtime.Config
		precision graph.DType
	}
	e := engines(t)
	list := map[string]p{
		"reference float64": {e["reference"], graph.Float64},
		"reference float32": {e["reference"], graph.Float32},
	}
	if c, ok := e["onnxruntime"]; ok {
		list["onnxruntime"] = p{c, graph.Float32}
	}
	return list
}

// trainer compiles the golden's step and gives it its batch.
func (g golden) trainer(t *testing.T, c train.Config, engine runtime.Config) (*train.Trainer, train.Weights) {
	t.Helper()
	c.Loss, c.Batch = g.loss, int(g.arrays["x"].Shape[0])
	s, _, err := train.NewStep(g.model, c)
	if err != nil {
		t.Fatal(err)
	}
	w := train.Weights{}
	tr, err := train.NewTrainer(s, engine, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	g.setBatch(t, tr)
	return tr, w
}

// eachGolden runs a test on every engine at each precision it has, with and without kernels, for every network.
func eachGolden(t *testing.T, test func(t *testing.T, g golden, engine runtime.Config, c train.Config)) {
	for engine, p := range precisions(t) {
		for _, kernels := range []bool{false, true} {
			for _, name := range []string{"dense", "strided", "pooled", "cubes", "generator", "sphere"} {
				t.Run(engine+map[bool]string{true: " kernels"}[kernels]+"/"+name, func(t *testing.T) {
					test(t, goldenOf(t, name), p.engine, train.Config{Precision: p.precision, Target: ops.Target{Kernels: kernels}})
				})
			}
		}
	}
}

// Gradients agree with PyTorch's in float64, parameter by parameter.
func TestGradientsOfPyTorch(t *testing.T) {
	eachGolden(t, func(t *testing.T, g golden, engine runtime.Config, c train.Config) {
		// Two batches to a change: the step then adds half of each gradient to nothing, which loses no bit.
		c.Optimizer, c.Accumulate = train.SGD(1, 0), 2
		tr, w := g.trainer(t, c, engine)
		if _, err := tr.Run(0); err != nil {
			t.Fatal(err)
		}
		bound, found := 1e-5, 0
		if c.Precision == graph.Float64 {
			bound = 1e-9
		}
		for key, want := range g.arrays {
			param, ok := strings.CutPrefix(key, "grad.")
			if !ok {
				continue
			}
			found++
			got := w[param+".gradient"]
			if got == nil {
				t.Fatalf("no gradient of %s among %v", param, slices.Sorted(maps.Keys(w)))
			}
			twice := numbers(got)
			for i := range twice {
				twice[i] *= 2
			}
			if d := apart(twice, numbers(want)); !(d <= bound) {
				t.Errorf("gradient of %s: %.2g from PyTorch's, want at most %g", param, d, bound)
			}
		}
		if found == 0 {
			t.Error("no gradients to compare with")
		}
	})
}

// The losses of 20 steps of Adam, and the running statistics after them, follow PyTorch's run in float64: in float32 at most twice as
// far from it as PyTorch's own float32, in float64 to eight digits.
func TestTrainingOfPyTorch(t *testing.T) {
	eachGolden(t, func(t *testing.T, g golden, engine runtime.Config, c train.Config) {
		o := train.Adam(1e-3)
		c.Optimizer = o
		tr, w := g.trainer(t, c, engine)
		want, single := numbers(g.arrays["loss64"]), numbers(g.arrays["loss32"])
		worst, theirs := 0.0, 0.0
		for step, exact := range want {
			loss, err := tr.Run(0, o.Values(int64(step+1), 1e-3)...)
			if err != nil {
				t.Fatal(err)
			}
			worst = max(worst, math.Abs(loss-exact)/math.Abs(exact))
			theirs = max(theirs, math.Abs(single[step]-exact)/math.Abs(exact))
		}
		bound, statBound := 2*theirs, 1e-5
		if c.Precision == graph.Float64 {
			bound, statBound = 1e-8, 1e-8
		}
		if !(worst <= bound) {
			t.Errorf("losses are %.2g from PyTorch's in float64, want at most %.2g", worst, bound)
		}
		t.Logf("losses %.2g from float64; PyTorch's float32 %.2g", worst, theirs)
		for key, want := range g.arrays {
			if stat, ok := strings.CutPrefix(key, "stat."); ok {
				if d := apart(numbers(w[stat]), numbers(want)); !(d <= statBound) {
					t.Errorf("%s is %.2g from PyTorch's, want at most %g", stat, d, statBound)
				}
			}
		}
	})
}
