package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/runtime"
)

// Adversarial trains a generator G against a discriminator D, which learns to tell its results from real samples (Goodfellow et al.
// 2014, arXiv:1406.2661). With D's probabilities the losses over a batch are
//
//	J_D = -mean [ log D(x) + log(1 - D(G(z))) ]    J_G = -mean log D(G(z))
//
// D gives one logit a sample; where it ends in a Sigmoid, the logit is that node's input. One goroutine uses an Adversarial at a time.
type Adversarial struct {
	generator, discriminator  *graph.Model
	forGenerator, forOpponent Optimizer
	weights                   Weights
	averaged                  bool
}

// NewAdversarial returns a training of two networks, which are not changed. The discriminator has one input, of the type of the
// generator's one output.
func NewAdversarial(generator, discriminator *graph.Model, g, d Optimizer) *Adversarial {
	return &Adversarial{generator: generator, discriminator: discriminator, forGenerator: g, forOpponent: d}
}

// AdversarialOptions say how a run goes; zero fields mean the defaults named with them.
type AdversarialOptions struct {
	Iterations int64 // 1
	Batch      int   // 32
	// How often each network changes in an iteration, the discriminator first: 1 and 1. Every change sees a fresh batch.
	DiscriminatorUpdates, GeneratorUpdates int
	// Smoothing is what the label of real samples lacks to 1 (Salimans et al. 2016, arXiv:1606.03498).
	Smoothing float64
	// Uniform draws the generator's noise from -1 to 1 instead of from a normal distribution.
	Uniform  bool
	EMA      float64 // of the generator, see Config
	ClipNorm float64
	Seed     uint64
	// Checkpoint is a folder as in Options; Every is after how many iterations a checkpoint is written, 0: at the end alone.
	Checkpoint string
	Every      int64
	Keep       int // 2
	Engine     runtime.Config
	// Progress is called after each iteration, on the goroutine of the run.
	Progress func(AdversarialProgress)
}

// AdversarialProgress says how far a run is: the losses are means over the changes of an iteration.
type AdversarialProgress struct {
	Iteration, Iterations    int64 // from 0
	Discriminator, Generator float64
	Elapsed, Left            time.Duration
}

// adversarialPosition is where a run is.
type adversarialPosition struct {
	Iteration                int64
	Discriminator, Generator float64 // losses of the last iteration
	Before                   time.Duration
}

// Prefixes of the networks' variables.
const (
	generatorPrefix     = "generator/"
	discriminatorPrefix = "discriminator/"
)

// realInput names the discriminator's input in its step.
const realInput = "real"

// steps writes the step of either network. Both read all weights; each changes its own.
func (t *Adversarial) steps(o AdversarialOptions) (discern, generate *Step, err error) {
	g, err := prepare(t.generator, graph.Float32)
	if err != nil {
		return nil, nil, fmt.Errorf("generator: %w", err)
	}
	d, err := prepare(t.discriminator, graph.Float32)
	if err != nil {
		return nil, nil, fmt.Errorf("discriminator: %w", err)
	}
	if len(d.inputs()) != 1 || len(g.model.Graph.Outputs) != 1 || len(d.model.Graph.Outputs) != 1 {
		return nil, nil, errs.New(errs.Input, "the generator has %d outputs, the discriminator %d inputs and %d outputs: expected one of each",
			len(g.model.Graph.Outputs), len(d.inputs()), len(d.model.Graph.Outputs))
	}
	g.prefix, d.prefix = generatorPrefix, discriminatorPrefix
	c := Config{Optimizer: t.forOpponent, Batch: o.Batch, ClipNorm: o.ClipNorm, Target: TargetOf(o.Engine)}
	discern, err = adversary("discriminator", g, d, c, func(a *assembly, s *Step, fake *graph.Value) (*graph.Value, error) {
		real, err := a.input(realInput, d.inputs()[0].Type)
		if err != nil {
			return nil, err
		}
		s.Batch = append(s.Batch, real.Name)
		yes, err := a.logits(d, real)
		if err != nil {
			return nil, err
		}
		no, err := a.logits(d, fake)
		if err != nil {
			return nil, err
		}
		return a.b.Add(a.labelled(yes, 1-o.Smoothing), a.labelled(no, 0)), nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("discriminator: %w", err)
	}
	c.Optimizer, c.EMA = t.forGenerator, o.EMA
	generate, err = adversary("generator", g, d, c, func(a *assembly, _ *Step, fake *graph.Value) (*graph.Value, error) {
		seen, err := a.logits(d, fake)
		if err != nil {
			return nil, err
		}
		return a.labelled(seen, 1), nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("generator: %w", err)
	}
	return discern, generate, nil
}

// adversary writes the step of one of the networks, whose loss comes from the generator's result.
func adversary(of string, g, d *network, c Config, loss func(a *assembly, s *Step, fake *graph.Value) (*graph.Value, error)) (*Step, error) {
	g.role, d.role = held, trained
	if of == "generator" {
		g.role, d.role = trained, held
	}
	a := newAssembly(of, int64(c.Batch), c.Target)
	s := &Step{Model: a.m}
	var in []*graph.Value
	for _, v := range g.inputs() {
		x, err := a.input(v.Name, v.Type)
		if err != nil {
			return nil, err
		}
		in, s.Batch = append(in, x), append(s.Batch, x.Name)
	}
	fake, err := a.apply(g, in)
	if err != nil {
		return nil, err
	}
	l, err := loss(a, s, fake[0])
	if err != nil {
		return nil, err
	}
	l = a.b.Reshape(l, 1)
	l.Name = a.b.Name("loss")
	grads, err := a.gradients(l, nil)
	if err != nil {
		return nil, err
	}
	a.update(s, grads, l, c)
	return s, a.finish(s, grads, l)
}

// logits applies the discriminator.
func (a *assembly) logits(d *network, x *graph.Value) (*graph.Value, error) {
	want := a.batched(d.inputs()[0].Type)
	if !slices.Equal(want.Sizes(), x.Type.Sizes()) {
		return nil, errs.New(errs.Input, "the discriminator reads %s, the generator gives %s", want, x.Type)
	}
	out, err := a.apply(d, []*graph.Value{x})
	if err != nil {
		return nil, err
	}
	if n, _ := out[0].Producer(); n != nil && n.Domain == "" && n.Op == "Identity" {
		out[0] = n.In[0]
	}
	if n, _ := out[0].Producer(); n != nil && n.Domain == "" && n.Op == "Sigmoid" {
		return n.In[0], nil
	}
	return out[0], nil
}

// labelled is the binary cross-entropy of logits that should all have one label.
func (a *assembly) labelled(logits *graph.Value, label float64) *graph.Value {
	return BCEWithLogits().Value(a.b, []*graph.Value{logits}, []*graph.Value{a.b.Like(logits, label)})
}

// Run trains on real samples, which have one field. The generator's inputs come from samples of inputs, drawn independently, whose
// fields are named as they are; nil: they are noise. When ctx ends, the iteration under way is finished and a checkpoint is written.
func (t *Adversarial) Run(ctx context.Context, real, inputs dataset.Dataset, o AdversarialOptions) error {
	o.Iterations, o.Batch, o.Keep = cmp.Or(o.Iterations, 1), cmp.Or(o.Batch, 32), cmp.Or(o.Keep, 2)
	o.DiscriminatorUpdates, o.GeneratorUpdates = cmp.Or(o.DiscriminatorUpdates, 1), cmp.Or(o.GeneratorUpdates, 1)
	if min(o.Iterations, int64(o.Batch), int64(o.DiscriminatorUpdates), int64(o.GeneratorUpdates)) < 1 || o.Smoothing < 0 || o.Smoothing >= 1 {
		return errs.New(errs.Input, "iterations, batch and updates are %d, %d, %d and %d, smoothing is %g: expected at least 1, and 0 to 1",
			o.Iterations, o.Batch, o.DiscriminatorUpdates, o.GeneratorUpdates, o.Smoothing)
	}
	d, g, err := t.steps(o)
	if err != nil {
		return err
	}
	r := &duel{of: t, o: o, weights: Weights{}, begun: time.Now()}
	if err := r.open(d, g, real, inputs); err != nil {
		return err
	}
	defer r.close()
	err = r.train(ctx)
	t.weights, t.averaged = r.weights, o.EMA > 0
	return err
}

// Generator returns the generator with the weights at the end of the run, or their running means.
func (t *Adversarial) Generator() *graph.Model {
	return (&Fit{net: t.generator}).with(averaged(t.weights.below(generatorPrefix), t.averaged))
}

// Discriminator returns the discriminator with the weights at the end of the run.
func (t *Adversarial) Discriminator() *graph.Model {
	return (&Fit{net: t.discriminator}).with(t.weights.below(discriminatorPrefix))
}

// below returns the tensors whose names begin with the prefix, without it.
func (w Weights) below(prefix string) Weights {
	own := Weights{}
	for name, t := range w {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			own[name[len(prefix):]] = t
		}
	}
	return own
}

// duel is a Run under way.
type duel struct {
	of                *Adversarial
	o                 AdversarialOptions
	discern, generate *Trainer
	weights           Weights
	real, inputs      *dataset.Loader // inputs is nil for noise
	feeds             [3]*feed        // of real samples, and of the generator's inputs in either step
	dir               *checkpoint.Dir
	id                string
	begun             time.Time
	adversarialPosition
}

func (r *duel) open(d, g *Step, real, inputs dataset.Dataset) (err error) {
	if fields := real.Fields(); len(fields) != 1 {
		return errs.New(errs.Input, "real samples have %d fields, expected one: the discriminator's input", len(fields))
	}
	samples, err := dataset.Rename(real, map[string]string{real.Fields()[0].Name: realInput})
	if err != nil {
		return err
	}
	only := func(s *Step, names ...string) *Step { return &Step{Model: s.Model, Batch: names} }
	if r.feeds[0], err = newFeed(samples.Fields(), only(d, realInput)); err != nil {
		return fmt.Errorf("real samples: %w", err)
	}
	options := dataset.LoaderOptions{Shuffle: true, Seed: r.o.Seed, DropLast: true}
	if r.real, err = dataset.NewLoader(samples, r.o.Batch, options); err != nil {
		return fmt.Errorf("real samples: %w", err)
	}
	total := real.Len()
	if inputs != nil {
		for i, s := range []*Step{d, g} {
			if r.feeds[1+i], err = newFeed(inputs.Fields(), only(s, g.Batch...)); err != nil {
				return fmt.Errorf("inputs of the generator: %w", err)
			}
		}
		options.Seed = ^r.o.Seed // drawn independently
		if r.inputs, err = dataset.NewLoader(inputs, r.o.Batch, options); err != nil {
			return fmt.Errorf("inputs of the generator: %w", err)
		}
		total += inputs.Len()
	}
	if r.o.Checkpoint != "" {
		if err := r.resume(d, g, total); err != nil {
			return err
		}
	}
	if r.discern, err = NewTrainer(d, r.o.Engine, r.weights); err != nil {
		return err
	}
	if r.generate, err = NewTrainer(g, r.o.Engine, r.weights); err != nil {
		r.discern.Close()
	}
	return err
}

func (r *duel) close() {
	r.real.Stop()
	if r.inputs != nil {
		r.inputs.Stop()
	}
	r.discern.Close()
	r.generate.Close()
}

// resume opens the folder and takes up its newest whole checkpoint, if there is one.
func (r *duel) resume(d, g *Step, samples int) (err error) {
	if r.dir, err = checkpoint.OpenDir(r.o.Checkpoint, r.o.Keep); err != nil {
		return err
	}
	o := r.o
	if r.id, err = digest([]*Step{d, g}, samples, o.Batch, o.DiscriminatorUpdates, o.GeneratorUpdates, o.Uniform, o.Seed,
		r.of.forOpponent, r.of.forGenerator); err != nil {
		return err
	}
	_, err = takeUp(r.dir, r.o.Checkpoint, r.id, []*Step{d, g}, r.weights, &r.adversarialPosition)
	return err
}

func (r *duel) train(ctx context.Context) error {
	updates := int64(r.o.DiscriminatorUpdates + r.o.GeneratorUpdates)
	// The end of ctx is looked at between iterations, so that a checkpoint is of a whole one.
	calm := context.WithoutCancel(ctx)
	if err := startAt(calm, r.real, r.Iteration*int64(r.o.DiscriminatorUpdates)); err != nil {
		return err
	}
	if r.inputs != nil {
		if err := startAt(calm, r.inputs, r.Iteration*updates); err != nil {
			return err
		}
	}
	first := r.Iteration
	for r.Iteration < r.o.Iterations {
		if err := ctx.Err(); err != nil {
			if failed := r.save(); failed != nil {
				return failed
			}
			return errs.New(errs.Canceled, "training: %w", context.Cause(ctx))
		}
		if err := r.iterate(); err != nil {
			return err
		}
		r.Iteration++
		if r.o.Progress != nil {
			passed := time.Since(r.begun)
			r.o.Progress(AdversarialProgress{r.Iteration - 1, r.o.Iterations, r.Discriminator, r.Generator, r.Before + passed,
				time.Duration(float64(passed) / float64(r.Iteration-first) * float64(r.o.Iterations-r.Iteration))})
		}
		if r.o.Every > 0 && r.Iteration%r.o.Every == 0 && r.Iteration < r.o.Iterations {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return r.save()
}

// startAt reads from a batch on that is counted from the start of the run.
func startAt(ctx context.Context, l *dataset.Loader, batch int64) error {
	n := int64(l.Len())
	return l.Start(ctx, int(batch/n), int(batch%n))
}

// iterate changes the discriminator, then the generator.
func (r *duel) iterate() error {
	r.Discriminator, r.Generator = 0, 0
	for k := range r.o.DiscriminatorUpdates {
		b, err := r.real.Next()
		if err != nil {
			return err
		}
		if err := r.feeds[0].set(r.discern.Set, b.Tensors, b.Index); err != nil {
			return err
		}
		loss, err := r.update(r.discern, r.feeds[1], r.of.forOpponent, k, r.o.DiscriminatorUpdates)
		if err != nil {
			return fmt.Errorf("discriminator: %w", err)
		}
		r.Discriminator += loss
	}
	for k := range r.o.GeneratorUpdates {
		loss, err := r.update(r.generate, r.feeds[2], r.of.forGenerator, k, r.o.GeneratorUpdates)
		if err != nil {
			return fmt.Errorf("generator: %w", err)
		}
		r.Generator += loss
	}
	return nil
}

// update takes the k-th of n steps of a network in the iteration and returns its share of the mean loss.
func (r *duel) update(t *Trainer, f *feed, o Optimizer, k, n int) (float64, error) {
	rng := dataset.RNG(r.o.Seed, uint64(r.Iteration), uint64(k), uint64(len(t.Step.Batch)))
	if f != nil {
		b, err := r.inputs.Next()
		if err != nil {
			return 0, err
		}
		if err := f.set(t.Set, b.Tensors, b.Index); err != nil {
			return 0, err
		}
	} else {
		for _, name := range r.generate.Step.Batch {
			if err := t.Set(name, r.noise(t.Step.Model.Graph.Input(name).Type, rng)); err != nil {
				return 0, err
			}
		}
	}
	values := o.Values(r.Iteration*int64(n)+int64(k)+1, o.LearningRate())
	loss, err := t.Run(rng.Uint64(), values...)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, errs.New(errs.Engine, "training diverged at iteration %d: the loss is %v", r.Iteration, loss).
			WithHint("a smaller learning rate or clipped gradients may help")
	}
	return loss / float64(n), nil
}

func (r *duel) noise(t *graph.Type, rng *rand.Rand) *graph.Tensor {
	x := graph.NewTensor(graph.Float32, t.Sizes()...)
	for i := range graph.Data[float32](x) {
		v := rng.NormFloat64()
		if r.o.Uniform {
			v = 2*rng.Float64() - 1
		}
		graph.Data[float32](x)[i] = float32(v)
	}
	return x
}

func (r *duel) save() error {
	if r.dir == nil {
		return nil
	}
	d := document[adversarialPosition]{Run: r.id, Position: r.adversarialPosition}
	d.Position.Before += time.Since(r.begun)
	d.runsOn(r.discern)
	if err := r.dir.Save(r.Iteration, d, tensorsOf(r.weights)...); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(r.o.Checkpoint), err)
	}
	return nil
}
