package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// pair is a generator of points in the plane and a discriminator of such; either has normalisation.
func pair(sigmoid bool) (g, d *graph.Model) {
	n, x := newNet(3)
	g = n.done(n.dense(n.Op("Relu", nil, n.norm(n.dense(x, 24))), 2))
	n, x = newNet(2)
	n.seed = 50
	y := n.dense(n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.dense(n.Op("LeakyRelu", graph.Attrs{"alpha": 0.25}, n.dense(x, 24)), 24)), 1)
	if sigmoid {
		y = n.Op("Sigmoid", nil, y)
	}
	return g, n.done(y)
}

// ring are points round (1, -0.5) at a distance of 0.5 or so.
func ring(n int) dataset.Dataset {
	x, rng := graph.NewTensor(graph.Float32, int64(n), 2), dataset.RNG(3)
	x.Name = "points"
	for i := range n {
		r, phi := 0.5+0.05*rng.NormFloat64(), 2*math.Pi*rng.Float64()
		graph.Data[float32](x)[2*i], graph.Data[float32](x)[2*i+1] = float32(1+r*math.Cos(phi)), float32(-0.5+r*math.Sin(phi))
	}
	ds, err := dataset.Memory(x)
	if err != nil {
		panic(err)
	}
	return ds
}

func TestAdversarialLearns(t *testing.T) {
	g, d := pair(true)
	a := train.NewAdversarial(g, d, train.AdamWith(2e-3, train.AdamOptions{Beta1: 0.5}), train.AdamWith(2e-3, train.AdamOptions{Beta1: 0.5}))
	o := train.AdversarialOptions{Iterations: 600, Batch: 64, Smoothing: 0.1, EMA: 0.99, Engine: fastest(t)}
	told := int64(0)
	o.Progress = func(p train.AdversarialProgress) { told++ }
	if err := a.Run(context.Background(), ring(1024), nil, o); err != nil {
		t.Fatal(err)
	}
	if told != 600 {
		t.Errorf("%d iterations told want 600", told)
	}
	model, err := runtime.Compile(a.Generator(), fastest(t))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	z, rng := graph.NewTensor(graph.Float32, 500, 3), dataset.RNG(9)
	for i := range graph.Data[float32](z) {
		graph.Data[float32](z)[i] = float32(rng.NormFloat64())
	}
	out, err := model.RunList(context.Background(), z)
	if err != nil {
		t.Fatal(err)
	}
	var x, y, r float64
	p := graph.Data[float32](out[0])
	for i := range 500 {
		x, y = x+float64(p[2*i])/500, y+float64(p[2*i+1])/500
		r += math.Hypot(float64(p[2*i])-1, float64(p[2*i+1])+0.5) / 500
	}
	// Untrained the generator is round (0, 0), 1.1 from there.
	if math.Hypot(x-1, y+0.5) > 0.25 || math.Abs(r-0.5) > 0.2 {
		t.Errorf("generated points are round (%.2f, %.2f), %.2f from the centre: want (1, -0.5) and 0.5", x, y, r)
	}
}

// A network changes in its own steps alone, and the losses of the first step are those of their definition.
func TestAdversarialSteps(t *testing.T) {
	for _, sigmoid := range []bool{false, true} {
		g, d := pair(sigmoid)
		a := train.NewAdversarial(g, d, train.SGD(0, 0), train.SGD(0.1, 0))
		var losses train.AdversarialProgress
		o := train.AdversarialOptions{Batch: 64, Engine: fastest(t), Progress: func(p train.AdversarialProgress) { losses = p }}
		inputs := graph.NewTensor(graph.Float32, 64, 3)
		inputs.Name = "x"
		zs, err := dataset.Memory(inputs)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Run(context.Background(), ring(64), zs, o); err != nil {
			t.Fatal(err)
		}
		if same := graph.Diff(onlyWeights(g), onlyWeights(a.Generator())); len(same) > 0 {
			t.Errorf("the generator changed at a rate of 0: %v", same)
		}
		if len(graph.Diff(onlyWeights(d), onlyWeights(a.Discriminator()))) == 0 {
			t.Error("the discriminator did not change")
		}
		// All z are 0, so is the normalised activation, and G gives its last bias: (0, 0).
		p := probabilities(t, d, graph.NewTensor(graph.Float32, 64, 2))
		x := graph.NewTensor(graph.Float32, 64, 2)
		index := make([]int, 64)
		for i := range index {
			index[i] = i
		}
		if err := ring(64).Read(context.Background(), index, []*graph.Tensor{x}); err != nil {
			t.Fatal(err)
		}
		q, want := probabilities(t, d, x), 0.0
		for i := range p {
			want -= (math.Log(q[i]) + math.Log(1-p[i])) / 64
		}
		if math.Abs(losses.Discriminator-want) > 1e-5*want {
			t.Errorf("loss of the discriminator is %v, by its definition %v", losses.Discriminator, want)
		}
		want = -math.Log(probabilities(t, a.Discriminator(), graph.NewTensor(graph.Float32, 64, 2))[0])
		if math.Abs(losses.Generator-want) > 1e-5*want {
			t.Errorf("loss of the generator is %v, by its definition %v", losses.Generator, want)
		}
	}
}

// onlyWeights blanks the running statistics, which move at any rate.
func onlyWeights(m *graph.Model) *graph.Model {
	m = m.Clone()
	for _, v := range m.Graph.Initializers {
		if strings.HasPrefix(v.Name, "norm.mean") || strings.HasPrefix(v.Name, "norm.var") {
			v.Const = graph.NewTensor(graph.Float32, v.Const.Shape...)
		}
	}
	return m
}

func probabilities(t *testing.T, d *graph.Model, x *graph.Tensor) []float64 {
	t.Helper()
	model, err := runtime.Compile(d, fastest(t))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	out, err := model.RunList(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	p := numbers(out[0])
	for i, v := range p {
		if n, _ := d.Graph.Outputs[0].Producer(); n.In[0] != nil {
			if from, _ := n.In[0].Producer(); from.Op != "Sigmoid" {
				p[i] = 1 / (1 + math.Exp(-v))
			}
		}
	}
	return p
}

func TestAdversarialResumeIsExact(t *testing.T) {
	run := func(ctx context.Context, dir string, progress func(train.AdversarialProgress)) (*train.Adversarial, error) {
		g, d := pair(false)
		a := train.NewAdversarial(g, d, train.Adam(1e-3), train.Adam(1e-3))
		return a, a.Run(ctx, ring(200), nil, train.AdversarialOptions{Iterations: 20, Batch: 16, DiscriminatorUpdates: 2, GeneratorUpdates: 3,
			Checkpoint: dir, Every: 4, Engine: fastest(t), Progress: progress})
	}
	whole, err := run(context.Background(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err = run(ctx, dir, func(p train.AdversarialProgress) {
		if p.Iteration == 9 {
			cancel()
		}
	})
	if !errors.Is(err, errs.Canceled) {
		t.Fatalf("got %v want a cancelled run", err)
	}
	iterations := 0
	again, err := run(context.Background(), dir, func(train.AdversarialProgress) { iterations++ })
	if err != nil {
		t.Fatal(err)
	}
	if iterations != 10 {
		t.Errorf("%d iterations after the cut want 10", iterations)
	}
	for _, m := range [][2]*graph.Model{{whole.Generator(), again.Generator()}, {whole.Discriminator(), again.Discriminator()}} {
		if d := graph.Diff(m[0], m[1]); len(d) > 0 {
			t.Error(d)
		}
	}
}
