package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

// Fit trains a network on data. One goroutine uses it at a time.
type Fit struct {
	net       *graph.Model
	loss      Loss
	optimizer Optimizer
	last      Weights
	best      Weights
	ema       bool
}

// New returns a training of net, which is not changed; see [NewStep] for what a network may be.
func New(net *graph.Model, loss Loss, o Optimizer) *Fit {
	return &Fit{net: net, loss: loss, optimizer: o}
}

// Options say how a run goes; zero fields mean the defaults named with them.
type Options struct {
	Epochs int // 1
	Batch  int // 32
	// Validation are samples whose loss is taken after each epoch; it then decides which weights are best, when Patience ends, and
	// what an Observer sees. Without it the training's loss does.
	Validation dataset.Dataset
	Schedule   Schedule // Constant
	// Patience ends the run after so many epochs without a smaller loss; 0: never.
	Patience int
	Augment  []dataset.Augment
	// Seed decides the order of samples, augmentation and dropout.
	Seed uint64

	// Checkpoint is a folder for checkpoints and the history, as history.csv and as TensorBoard events. A run whose folder has a
	// checkpoint goes on from it: on the same engine with as many threads it ends at the same bits as an unbroken one. Empty: none is
	// kept.
	Checkpoint string
	// Every is after how many changes of the parameters a checkpoint is written, besides that after each epoch; 0: not.
	Every int64
	Keep  int // how many checkpoints are kept beside the best; 2

	// Of the fields of Config.
	Accumulate          int
	Freeze, Stop        []string
	ClipValue, ClipNorm float64
	EMA                 float64 // with it, the means of the parameters are what is evaluated and returned
	Precision           graph.DType

	// Engine says where the step runs.
	Engine runtime.Config
	// Progress is called after each change of the parameters, on the goroutine of the run.
	Progress func(Progress)
}

func (o Options) config(f *Fit) Config {
	return Config{
		Loss: f.loss, Optimizer: f.optimizer, Batch: o.Batch, Accumulate: o.Accumulate, Freeze: o.Freeze, Stop: o.Stop,
		ClipValue: o.ClipValue, ClipNorm: o.ClipNorm, EMA: o.EMA, Precision: o.Precision,
		Target: TargetOf(o.Engine),
	}
}

// TargetOf is what steps are written for that run with an engine's configuration.
func TargetOf(c runtime.Config) ops.Target {
	cuda := c.Provider() == runtime.CUDA
	return ops.Target{CUDA: cuda, Kernels: !cuda}
}

// Progress says how far a run is.
type Progress struct {
	Epoch, Epochs int   // of the step that was taken, from 0
	Step, Steps   int64 // in the epoch, from 0
	Loss          float64
	Mean          float64 // loss over the epoch so far
	Rate          float64 // learning rate
	Elapsed, Left time.Duration
	// Done is the epoch's row of the history, after its last step; else nil.
	Done *Epoch
}

// Report is what a run comes to.
type Report struct {
	History   []Epoch
	BestEpoch int // from 0
	BestLoss  float64
	Steps     int64
	Stopped   bool // by patience
	Resumed   int64
	Elapsed   time.Duration
	Engine    runtime.Report
}

// Run trains on the samples of data, whose fields are named as the network's inputs and the loss's targets. When ctx ends, the step
// under way is finished and a checkpoint is written; so it is when samples cannot be read.
func (f *Fit) Run(ctx context.Context, data dataset.Dataset, o Options) (*Report, error) {
	r, err := f.start(ctx, data, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	err = r.train(ctx)
	f.last, f.best, f.ema = r.weights, r.best, o.EMA > 0
	return r.report(), err
}

// Best returns the network with the weights of the epoch whose loss was smallest. It may be called after Run.
func (f *Fit) Best() *graph.Model { return f.with(f.best) }

// Last returns the network with the weights at the end of the run.
func (f *Fit) Last() *graph.Model { return f.with(averaged(f.last, f.ema)) }

// with returns a copy of the network with these weights, in its own element type.
func (f *Fit) with(w Weights) *graph.Model {
	m := f.net.Clone()
	for _, v := range m.Graph.Initializers {
		t := w[v.Name]
		if t == nil || v.Const == nil {
			continue
		}
		own := graph.NewTensor(v.Const.DType, t.Shape...)
		own.Name = v.Const.Name
		if convert(own, t) == nil {
			v.Const = own
		}
	}
	return m
}

// averaged replaces parameters by their running means if there are such.
func averaged(w Weights, ema bool) Weights {
	if !ema {
		return w
	}
	w = maps.Clone(w)
	for name := range w {
		if param, ok := strings.CutSuffix(name, ".ema"); ok {
			w[param] = w[name]
		}
	}
	return w
}

// run is a Run under way.
type run struct {
	fit     *Fit
	o       Options
	step    *Trainer
	apply   *Trainer // nil without accumulation
	weights Weights
	best    Weights
	feed    *feed
	loader  *dataset.Loader
	eval    *evaluation // nil without validation data
	dir     *checkpoint.Dir
	record  *record
	steps   int64 // an epoch
	snap    snapshot
	begun   time.Time
	first   time.Time // of the steps of this session
	resumed int64
	id      string // of the run, in checkpoints
	torn    bool   // a step or the end of an epoch is half done: the position is not to be kept
	position
}

// start prepares everything that can fail before the first step.
func (f *Fit) start(ctx context.Context, data dataset.Dataset, o Options) (*run, error) {
	o.Epochs, o.Batch, o.Keep, o.Accumulate = cmp.Or(o.Epochs, 1), cmp.Or(o.Batch, 32), cmp.Or(o.Keep, 2), cmp.Or(o.Accumulate, 1)
	if min(o.Epochs, o.Batch, o.Keep, o.Accumulate) < 1 {
		return nil, errs.New(errs.Input, "epochs, batch, keep and accumulate are %d, %d, %d and %d: expected at least 1", o.Epochs, o.Batch,
			o.Keep, o.Accumulate)
	}
	// Before anything of the size of a batch is made.
	if data.Len() == 0 {
		return nil, errs.New(errs.Input, "the data are empty: want at least one sample")
	}
	if data.Len() < o.Batch {
		return nil, errs.New(errs.Input, "%d samples make no batch of %d", data.Len(), o.Batch).WithHint("take smaller batches")
	}
	if o.Schedule == nil {
		o.Schedule = Constant()
	}
	c := o.config(f)
	s, apply, err := NewStep(f.net, c)
	if err != nil {
		return nil, err
	}
	r := &run{fit: f, o: o, weights: Weights{}, begun: time.Now()}
	if r.feed, err = newFeed(data.Fields(), s); err != nil {
		return nil, err
	}
	if err := r.check(ctx, data, s); err != nil {
		return nil, err
	}
	r.loader, err = dataset.NewLoader(data, o.Batch, dataset.LoaderOptions{Shuffle: true, Seed: o.Seed, DropLast: true, Augment: o.Augment})
	if err != nil {
		return nil, err
	}
	if r.steps = int64(r.loader.Len() / o.Accumulate); r.steps == 0 {
		return nil, errs.New(errs.Input, "%d samples make no step of %d batches of %d", data.Len(), o.Accumulate, o.Batch).
			WithHint("take smaller batches, or accumulate fewer")
	}
	if o.Validation != nil {
		net, err := prepare(f.net, c.precision())
		if err != nil {
			return nil, err
		}
		r.eval = &evaluation{step: s, loss: f.loss, net: net, ds: o.Validation, cfg: o.Engine}
		if r.eval.feed, err = newFeed(o.Validation.Fields(), s); err != nil {
			return nil, fmt.Errorf("validation data: %w", err)
		}
		if o.Validation.Len() == 0 {
			return nil, errs.New(errs.Input, "the validation data are empty: want at least one sample")
		}
	}
	if o.Checkpoint != "" {
		steps := []*Step{s}
		if apply != nil {
			steps = append(steps, apply)
		}
		if err := r.resume(steps, data.Len()); err != nil {
			return nil, err
		}
	}
	if r.step, err = NewTrainer(s, o.Engine, r.weights); err != nil {
		return nil, err
	}
	if apply != nil {
		if r.apply, err = NewTrainer(apply, o.Engine, r.weights); err != nil {
			r.close()
			return nil, err
		}
	}
	if r.dir != nil {
		if r.record, err = openRecord(o.Checkpoint, r.Epoch); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// check looks once at all targets that are in memory; others are looked at as they come.
func (r *run) check(ctx context.Context, data dataset.Dataset, s *Step) error {
	if !dataset.InMemory(data) {
		return nil
	}
	opt := dataset.CheckOptions{Classes: map[string]int{}}
	var names []string
	for _, t := range s.Targets {
		names = append(names, t.Name)
		if t.Classes > 0 {
			opt.Classes[t.Name] = int(t.Classes)
		}
	}
	if len(names) == 0 {
		return nil
	}
	targets, err := dataset.Pick(data, names...)
	if err != nil {
		return err
	}
	return dataset.Check(ctx, targets, opt)
}

func (r *run) close() {
	r.loader.Stop()
	r.record.close()
	if r.step != nil {
		r.step.Close()
	}
	if r.apply != nil {
		r.apply.Close()
	}
}

// train goes through the epochs that are left.
func (r *run) train(ctx context.Context) error {
	if r.Epoch >= r.o.Epochs || r.Ended {
		return nil
	}
	// The end of ctx is looked at between steps, so that a checkpoint is of a whole one.
	epoch, batch := r.Epoch, int(r.Step)*r.o.Accumulate
	if r.Step == r.steps {
		epoch, batch = epoch+1, 0
	}
	if err := r.loader.Start(context.WithoutCancel(ctx), epoch, batch); err != nil {
		return err
	}
	r.first = time.Now()
	for r.Epoch < r.o.Epochs && !r.Ended {
		if err := r.epoch(ctx); err != nil {
			if !r.torn {
				err = errors.Join(err, r.save())
			}
			return err
		}
	}
	return nil
}

// epoch takes the steps that are left of an epoch, and ends it.
func (r *run) epoch(ctx context.Context) error {
	for r.Step < r.steps {
		if err := ctx.Err(); err != nil {
			return errs.New(errs.Canceled, "training: %w", context.Cause(ctx))
		}
		if err := r.one(); err != nil {
			return err
		}
		if r.Step == r.steps {
			break
		}
		r.tell(nil)
		if r.o.Every > 0 && r.Total%r.o.Every == 0 {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	if err := r.endEpoch(ctx); err != nil {
		return err
	}
	r.tell(&r.History[len(r.History)-1])
	return r.nextEpoch()
}

// one changes the parameters once, from one batch or several.
func (r *run) one() error {
	at := Clock{Step: r.Total, Steps: r.steps, Epoch: r.Epoch}
	rate := r.o.Schedule.Rate(r.fit.optimizer.LearningRate(), at)
	values := r.fit.optimizer.Values(r.Total+1, rate)
	r.snap.keep(r)
	loss := 0.0
	for k := range r.o.Accumulate {
		b, err := r.loader.Next()
		if err != nil {
			return err
		}
		if err := r.feed.set(r.step.Set, b.Tensors, b.Index); err != nil {
			return err
		}
		now := values
		if r.apply != nil {
			now = nil
		}
		r.torn = true
		part, err := r.step.Run(r.maskSeed(k), now...)
		if err != nil {
			return err
		}
		loss += part / float64(r.o.Accumulate)
	}
	if r.apply != nil {
		if _, err := r.apply.Run(0, values...); err != nil {
			return err
		}
		r.weights.clearGradients()
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return r.diverged(loss)
	}
	r.Loss, r.Rate, r.torn = loss, rate, false
	r.Sum += loss
	r.Step++
	r.Total++
	return nil
}

// clearGradients makes the gradients that are added up 0.
func (w Weights) clearGradients() {
	for name, t := range w {
		if strings.HasSuffix(name, accumulated) {
			clear(t.Raw)
		}
	}
}

// maskSeed is that of the dropout in part k of the step about to be taken.
func (r *run) maskSeed(k int) uint64 {
	return dataset.RNG(r.o.Seed, uint64(r.Total), uint64(k)).Uint64()
}

// endEpoch takes the validation loss, keeps the best weights and writes the history's row.
func (r *run) endEpoch(ctx context.Context) error {
	row := Epoch{Epoch: r.Epoch, Steps: r.Total, Loss: r.Sum / float64(r.steps), Validation: math.NaN(), Rate: r.Rate, Elapsed: r.elapsed()}
	judged := row.Loss
	w := averaged(r.weights, r.o.EMA > 0)
	if r.eval != nil {
		var err error
		if row.Validation, err = r.eval.run(ctx, w); err != nil {
			return err
		}
		judged = row.Validation
	}
	r.torn = true
	r.History = append(r.History, row)
	if err := r.record.append(row); err != nil {
		return err
	}
	if s, ok := r.o.Schedule.(Observer); ok {
		s.Observe(judged)
	}
	r.Bad++
	if r.best == nil || judged < r.Best {
		r.Best, r.BestEpoch, r.Bad = judged, r.Epoch, 0
		r.best = Weights{}
		for _, st := range r.step.Step.State {
			if st.Param {
				r.best[st.In] = w[st.In].Clone()
			}
		}
		if r.dir != nil {
			if err := r.dir.SaveBest(r.document(), tensorsOf(r.best)...); err != nil {
				return err
			}
		}
	}
	r.Ended = r.o.Patience > 0 && r.Bad >= r.o.Patience
	return nil
}

// nextEpoch moves on and writes a checkpoint.
func (r *run) nextEpoch() error {
	r.Epoch, r.Step, r.Sum, r.torn = r.Epoch+1, 0, 0, false
	if skip := r.loader.Len() - int(r.steps)*r.o.Accumulate; skip > 0 && r.Epoch < r.o.Epochs {
		for range skip { // batches that make no whole step
			if _, err := r.loader.Next(); err != nil {
				return err
			}
		}
	}
	return r.save()
}

func (r *run) elapsed() time.Duration { return r.Before + time.Since(r.begun) }

func (r *run) tell(done *Epoch) {
	if r.o.Progress == nil {
		return
	}
	p := Progress{Epoch: r.Epoch, Epochs: r.o.Epochs, Step: r.Step - 1, Steps: r.steps, Loss: r.Loss, Mean: r.Sum / float64(r.Step), Rate: r.Rate,
		Elapsed: r.elapsed(), Done: done}
	taken := r.Total - r.resumed
	left := int64(r.o.Epochs)*r.steps - r.Total
	p.Left = time.Duration(float64(time.Since(r.first)) / float64(taken) * float64(left))
	r.o.Progress(p)
}

func (r *run) report() *Report {
	return &Report{History: slices.Clone(r.History), BestEpoch: r.BestEpoch, BestLoss: r.Best, Steps: r.Total, Stopped: r.Ended,
		Resumed: r.resumed, Elapsed: r.elapsed(), Engine: r.step.Report()}
}

// tensorsOf lists the tensors by name.
func tensorsOf(w Weights) []*graph.Tensor {
	var list []*graph.Tensor
	for _, name := range slices.Sorted(maps.Keys(w)) {
		t := *w[name]
		t.Name = name
		list = append(list, &t)
	}
	return list
}
