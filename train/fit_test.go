package train_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// circle asks whether points lie in the unit circle, in numbers: y = x₀² + x₁².
func circle(n int, seed uint64) dataset.Dataset {
	rng := dataset.RNG(seed)
	x, y := graph.NewTensor(graph.Float32, int64(n), 2), graph.NewTensor(graph.Float32, int64(n), 1)
	x.Name, y.Name = "x", "target"
	for i := range n {
		a, b := 2*rng.Float64()-1, 2*rng.Float64()-1
		graph.Data[float32](x)[2*i], graph.Data[float32](x)[2*i+1] = float32(a), float32(b)
		graph.Data[float32](y)[i] = float32(a*a + b*b)
	}
	ds, err := dataset.Memory(x, y)
	if err != nil {
		panic(err)
	}
	return ds
}

// perceptron has dropout and normalisation, so that a run that resumes must restore more than weights.
func perceptron() *graph.Model {
	n, x := newNet(2)
	x = n.Op("Tanh", nil, n.norm(n.dense(x, 24)))
	x = n.Op("Dropout", nil, x, n.Float(graph.Float32, 0.1))
	return n.done(n.dense(n.Op("Relu", nil, n.dense(x, 16)), 1))
}

func TestFitLearns(t *testing.T) {
	for engine, c := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			f := train.New(perceptron(), train.MSE(), train.Adam(1e-2))
			dir := t.TempDir()
			epochs, steps := 0, 0
			r, err := f.Run(context.Background(), circle(512, 1), train.Options{
				Epochs: 30, Batch: 32, Validation: circle(100, 2), Schedule: train.Cosine(30, 1e-4), Engine: c, EMA: 0.98, Checkpoint: dir,
				Progress: func(p train.Progress) {
					if steps++; p.Done != nil {
						epochs++
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			// The variance of x² + y² is 8/45: a network that has learned something is far below it.
			if !(r.BestLoss < 0.02) {
				t.Errorf("validation loss %v after %d steps: expected below 0.02", r.BestLoss, r.Steps)
			}
			if steps != 30*16 || epochs != 30 || r.Steps != 30*16 {
				t.Errorf("%d steps and %d epochs told, %d reported: want 480, 30 and 480", steps, epochs, r.Steps)
			}
			text, err := os.ReadFile(filepath.Join(dir, "history.csv"))
			if lines := strings.Count(string(text), "\n"); err != nil || lines != 31 {
				t.Errorf("history.csv has %d lines, %v: want 31", lines, err)
			}
			events, err := os.ReadFile(filepath.Join(dir, "events.out.tfevents.astronnx"))
			if n := strings.Count(string(events), "loss/validation"); err != nil || n != 30 {
				t.Errorf("the events have %d losses, %v: want 30", n, err)
			}
			// The model that is returned has the loss that was reported.
			model, err := runtime.Compile(f.Best(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			val := circle(100, 2)
			in := []*graph.Tensor{graph.NewTensor(graph.Float32, 100, 2), graph.NewTensor(graph.Float32, 100, 1)}
			index := make([]int, 100)
			for i := range index {
				index[i] = i
			}
			if err := val.Read(context.Background(), index, in); err != nil {
				t.Fatal(err)
			}
			out, err := model.RunList(context.Background(), in[0])
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for i, y := range graph.Data[float32](out[0]) {
				d := float64(y - graph.Data[float32](in[1])[i])
				sum += d * d / 100
			}
			if math.Abs(sum-r.BestLoss) > 1e-5*r.BestLoss {
				t.Errorf("the best network's loss is %v, reported was %v", sum, r.BestLoss)
			}
		})
	}
}

// A run that is cut after any number of steps and goes on ends at the same bits as an unbroken one.
func TestResumeIsExact(t *testing.T) {
	options := func(dir string) train.Options {
		return train.Options{Epochs: 4, Batch: 16, Validation: circle(40, 2), Schedule: train.Plateau(0.5, 0, 0, 0), Engine: fastest(t),
			Checkpoint: dir, Every: 3, Seed: 7, Accumulate: 2, EMA: 0.9}
	}
	run := func(ctx context.Context, o train.Options) (*train.Report, *graph.Model, error) {
		f := train.New(perceptron(), train.MSE(), train.Adam(1e-2))
		r, err := f.Run(ctx, circle(200, 1), o)
		if err != nil {
			return r, nil, err
		}
		return r, f.Last(), nil
	}
	whole, want, err := run(context.Background(), options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int64{1, 5, 6, 7, 13, 23} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		o := options(dir)
		n := int64(0)
		o.Progress = func(train.Progress) {
			if n++; n == cut {
				cancel()
			}
		}
		if _, _, err := run(ctx, o); !errors.Is(err, errs.Canceled) {
			t.Fatalf("cut at %d: got %v want a cancelled run", cut, err)
		}
		r, got, err := run(context.Background(), options(dir))
		if err != nil {
			t.Fatal(err)
		}
		if r.Resumed == 0 {
			t.Errorf("cut at %d: the run began anew", cut)
		}
		if d := graph.Diff(want, got); len(d) > 0 {
			t.Errorf("cut at %d: %v", cut, d)
		}
		// What was written in two parts is what would have been written at once.
		rows, err := os.ReadFile(filepath.Join(dir, "history.csv"))
		if lines := strings.Split(strings.TrimSpace(string(rows)), "\n"); err != nil || len(lines) != 5 || !strings.HasPrefix(lines[4], "3,24,") {
			t.Errorf("cut at %d: history.csv is %q, %v", cut, rows, err)
		}
		if len(r.History) != len(whole.History) || r.BestLoss != whole.BestLoss || r.BestEpoch != whole.BestEpoch {
			t.Errorf("cut at %d: best %v of epoch %d, want %v of %d", cut, r.BestLoss, r.BestEpoch, whole.BestLoss, whole.BestEpoch)
		}
	}
}

// faulty is a dataset that fails once it was read so many times.
type faulty struct {
	dataset.Dataset
	reads atomic.Int64
}

var errFaulty = errors.New("the disk is gone")

func (f *faulty) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	if f.reads.Add(-1) < 0 {
		return errFaulty
	}
	return f.Dataset.Read(ctx, index, into)
}

// A run whose data can no longer be read keeps what it has learned, and goes on when they can: to the same bits.
func TestLostData(t *testing.T) {
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(1)) // batches are read in their order
	const all = 1 << 20
	for name, c := range map[string]struct{ reads, steps int64 }{"training": {8, 8}, "validation": {all, 15}} {
		t.Run(name, func(t *testing.T) {
			data, held := &faulty{Dataset: circle(80, 1)}, &faulty{Dataset: circle(32, 2)}
			data.reads.Store(c.reads)
			held.reads.Store(all)
			o := train.Options{Epochs: 4, Batch: 16, Validation: held, Engine: fastest(t), Checkpoint: t.TempDir(), Progress: func(p train.Progress) {
				if p.Epoch == 2 {
					held.reads.Store(0)
				}
			}}
			f := train.New(perceptron(), train.MSE(), train.Adam(1e-2))
			if r, err := f.Run(context.Background(), data, o); !errors.Is(err, errFaulty) || r.Steps != c.steps {
				t.Fatalf("got %v after %d steps: want the data's error after %d", err, r.Steps, c.steps)
			}
			run := func(dir string) (*train.Report, *graph.Model) {
				o.Checkpoint, o.Validation, o.Progress = dir, circle(32, 2), nil
				r, err := f.Run(context.Background(), circle(80, 1), o)
				if err != nil {
					t.Fatal(err)
				}
				return r, f.Last()
			}
			r, got := run(o.Checkpoint)
			if r.Resumed != c.steps || r.Steps != 20 || len(r.History) != 4 {
				t.Errorf("the run went on from step %d to %d with %d epochs: want %d, 20 and 4", r.Resumed, r.Steps, len(r.History), c.steps)
			}
			_, want := run(t.TempDir())
			if d := graph.Diff(want, got); len(d) > 0 {
				t.Error(d)
			}
		})
	}
}

// A run may die between an epoch's row and its checkpoint: the row is written again.
func TestRowsOfADeadRunAreReplaced(t *testing.T) {
	dir := t.TempDir()
	o := train.Options{Epochs: 2, Batch: 16, Engine: fastest(t), Checkpoint: dir}
	run := func() {
		if _, err := train.New(perceptron(), train.MSE(), train.Adam(1e-2)).Run(context.Background(), circle(64, 1), o); err != nil {
			t.Fatal(err)
		}
	}
	run()
	path := filepath.Join(dir, "history.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "2,999,1,NaN,1,1\n3,9"...), 0o666); err != nil {
		t.Fatal(err)
	}
	o.Epochs = 4
	run()
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i, want := range []string{"epoch,steps,", "0,4,", "1,8,", "2,12,", "3,16,"} {
		if len(lines) != 5 || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("history.csv is %q: want row %d to begin with %q", text, i, want)
		}
	}
}

func TestForeignCheckpointIsRefused(t *testing.T) {
	dir := t.TempDir()
	o := train.Options{Batch: 16, Engine: fastest(t), Checkpoint: dir}
	if _, err := train.New(perceptron(), train.MSE(), train.Adam(1e-2)).Run(context.Background(), circle(64, 1), o); err != nil {
		t.Fatal(err)
	}
	_, err := train.New(perceptron(), train.MSE(), train.SGD(1e-2, 0)).Run(context.Background(), circle(64, 1), o)
	if !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), "another run") {
		t.Errorf("got %v want the checkpoint refused", err)
	}
}

// A run that diverges says when, and which node began.
func TestDivergence(t *testing.T) {
	for engine, c := range engines(t) {
		for what, c2 := range map[string]struct {
			net  func() *graph.Model
			rate float64
			node string
		}{
			// With x = 0 the root's slope is infinite at once; the loss is a number until the next step.
			"slope": {func() *graph.Model {
				n, x := newNet(2)
				x = n.Op("Sqrt", nil, n.Op("Abs", nil, n.Mul(n.dense(x, 2), n.Float(graph.Float32, 0))))
				return n.done(n.dense(x, 1))
			}, 1e-2, ""},
			"rate": {perceptron, 1e30, ""},
		} {
			t.Run(engine+"/"+what, func(t *testing.T) {
				_, err := train.New(c2.net(), train.MSE(), train.SGD(c2.rate, 0)).Run(context.Background(), circle(64, 1),
					train.Options{Epochs: 50, Batch: 16, Engine: c})
				var e *errs.Error
				if !errors.As(err, &e) || e.Code != errs.Engine || e.Node == "" || !strings.Contains(err.Error(), "diverged at step") {
					t.Fatalf("got %v want a divergence with its node", err)
				}
				t.Log(err)
			})
		}
	}
}

// What is wrong with a network, its data or the options is said before the first step.
func TestBadRuns(t *testing.T) {
	memory := func(tensors ...*graph.Tensor) dataset.Dataset {
		ds, err := dataset.Memory(tensors...)
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	named := func(name string, x *graph.Tensor) *graph.Tensor { x.Name = name; return x }
	zeros := func(name string, shape ...int64) *graph.Tensor {
		return named(name, graph.NewTensor(graph.Float32, shape...))
	}
	labels := func(v ...int64) *graph.Tensor { return named("target", graph.Vector(v...)) }
	classifier := func() *graph.Model {
		n, x := newNet(2)
		return n.done(n.dense(x, 3))
	}
	bad := graph.FromSlice([]float32{1, 2, float32(math.NaN()), 4}, 4, 1)
	for name, c := range map[string]struct {
		net  *graph.Model
		loss train.Loss
		data dataset.Dataset
		o    train.Options
		want string
	}{
		"shape":        {perceptron(), train.MSE(), memory(zeros("x", 4, 3), zeros("target", 4, 1)), train.Options{Batch: 2}, "expected samples of shape [2], got [3]"},
		"target shape": {perceptron(), train.MSE(), memory(zeros("x", 4, 2), zeros("target", 4, 2)), train.Options{Batch: 2}, `field "target": expected samples of shape [1], got [2]`},
		"field":        {perceptron(), train.MSE(), memory(zeros("maps", 4, 2), zeros("target", 4, 1)), train.Options{Batch: 2}, `no field "x"`},
		"empty":        {perceptron(), train.MSE(), memory(zeros("x", 0, 2), zeros("target", 0, 1)), train.Options{Batch: 2}, "empty"},
		"few":          {perceptron(), train.MSE(), memory(zeros("x", 4, 2), zeros("target", 4, 1)), train.Options{Batch: 5}, "no batch of 5"},
		"label":        {classifier(), train.CrossEntropy(), memory(zeros("x", 4, 2), labels(0, 1, 3, 2)), train.Options{Batch: 2}, "sample 2"},
		"nan":          {perceptron(), train.MSE(), memory(zeros("x", 4, 2), named("target", bad)), train.Options{Batch: 2}, "sample 2"},
		"weights":      {classifier(), train.CrossEntropy(1, 2), memory(zeros("x", 4, 2), labels(0, 1, 2, 2)), train.Options{Batch: 2}, "2 weights for 3 classes"},
		"outputs":      {classifier(), train.GaussianNLL(), memory(zeros("x", 4, 2), zeros("target", 4, 1)), train.Options{Batch: 2}, "expected a mean and an error"},
		"frozen":       {classifier(), train.CrossEntropy(), memory(zeros("x", 4, 2), labels(0, 1, 2, 2)), train.Options{Batch: 2, Freeze: []string{"*"}}, "depends on no parameter"},
		"stop":         {classifier(), train.CrossEntropy(), memory(zeros("x", 4, 2), labels(0, 1, 2, 2)), train.Options{Batch: 2, Stop: []string{"nothing"}}, `no value "nothing"`},
		"epochs":       {classifier(), train.CrossEntropy(), memory(zeros("x", 4, 2), labels(0, 1, 2, 2)), train.Options{Epochs: -1}, "expected at least 1"},
		"weight": {func() *graph.Model {
			m := classifier()
			for _, v := range append(m.Graph.Inputs, m.Graph.Initializers...) {
				v.Type = graph.TensorType(graph.Float64, v.Type.Shape...)
				if v.Const != nil {
					v.Const = graph.NewTensor(graph.Float64, v.Const.Shape...)
				}
			}
			return m
		}(), train.CrossEntropy(), memory(zeros("x", 4, 2), labels(0, 1, 2, 2)), train.Options{Batch: 2}, "is float64: training is in float32"},
		"statistics": {func() *graph.Model {
			m := perceptron()
			i := slices.IndexFunc(m.Graph.Nodes, func(n *graph.Node) bool { return n.Op == "BatchNormalization" })
			m.Graph.Nodes[i].SetIn(3, m.Graph.Nodes[i].In[0])
			return m
		}(), train.MSE(), memory(zeros("x", 4, 2), zeros("target", 4, 1)), train.Options{Batch: 2}, "input 3 is missing"},
		"gradient": {func() *graph.Model {
			n, x := newNet(2)
			return n.done(n.Op("Det", nil, n.Reshape(n.dense(x, 4), -1, 2, 2)))
		}(), train.Loss{Name: "sum", Targets: func([]*graph.Type) ([]train.Target, error) { return nil, nil }, Value: sumLoss}, memory(zeros("x", 4, 2)),
			train.Options{Batch: 2}, "gradients end at Det"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Engine = engines(t)["reference"]
			_, err := train.New(c.net, c.loss, train.Adam(1e-3)).Run(context.Background(), c.data, c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v want an error with %q", err, c.want)
			}
		})
	}
}
