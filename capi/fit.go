//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
// int32_t callTell(astronnx_tell tell, void *user, astronnx_progress *progress);
import "C"

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/onnxio"
	ort "github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// fit is what an astronnx_fit stands for.
type fit struct {
	*train.Fit
	loss   train.Loss
	engine ort.Config
	fields []ort.Info // of a sample
	memory memory
	info   *C.astronnx_fit_info

	mu     sync.Mutex
	cancel context.CancelFunc // of the run, or the export, under way; else nil
	closed bool

	// Of the last run, for whoever is under way.
	report memory
	made   *train.Report
	about  export.Training
}

const aFit = "fit"

//export goFitOpen
func goFitOpen(path *C.char, options *C.astronnx_fit_options, wanted C.int, handle *C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		if err := given("path", unsafe.Pointer(path)); err != nil {
			return err
		}
		return openFit(options, wanted, handle, func() (*graph.Model, error) {
			m, err := onnxio.LoadFile(C.GoString(path), onnxio.Options{})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", C.GoString(path), err)
			}
			return m, nil
		})
	})
}

//export goFitOpenBytes
func goFitOpenBytes(data unsafe.Pointer, size C.size_t, options *C.astronnx_fit_options, wanted C.int, handle *C.uintptr_t,
	e *C.astronnx_error) C.int {
	return try(e, func() error {
		if err := given("data", data); err != nil {
			return err
		}
		return openFit(options, wanted, handle, func() (*graph.Model, error) { return onnxio.Load(copied(data, size), onnxio.Options{}) })
	})
}

func openFit(o *C.astronnx_fit_options, wanted C.int, handle *C.uintptr_t, load func() (*graph.Model, error)) error {
	if wanted == 0 {
		return errs.New(errs.Input, "fit is NULL: there is no place for the handle")
	}
	if o == nil {
		o = &C.astronnx_fit_options{size: C.sizeof_astronnx_fit_options}
	}
	if o.size != C.sizeof_astronnx_fit_options {
		return wrongSize("options", o.size, C.sizeof_astronnx_fit_options, "astronnx_fit_options")
	}
	rate := cmp.Or(float64(o.rate), 1e-3)
	if !(rate > 0) || !(o.decay >= 0) || math.IsInf(rate+float64(o.decay), 0) {
		return errs.New(errs.Input, "rate is %g and decay %g: expected numbers above 0, and from 0", rate, float64(o.decay))
	}
	f := &fit{}
	var err error
	if f.engine, err = configOf(o.engine); err != nil {
		return err
	}
	if f.loss, err = train.ParseLoss(textOr(o.loss, "mse")); err != nil {
		return inOption("loss", err)
	}
	optimizer, err := train.ParseOptimizer(textOr(o.optimizer, "adam"), rate, float64(o.decay))
	if err != nil {
		return inOption("optimizer", err)
	}
	net, err := load()
	if err != nil {
		return err
	}
	f.Fit = train.New(net, f.loss, optimizer)
	batch := 2 // any that the network takes
	if x := net.Graph.Inputs; len(x) > 0 && x[0].Type.Rank() > 0 && x[0].Type.Shape[0].Known() {
		batch = int(x[0].Type.Shape[0].Size)
	}
	step, _, err := train.NewStep(net, train.Config{Loss: f.loss, Optimizer: optimizer, Batch: batch, Target: train.TargetOf(f.engine)})
	if err != nil {
		return err
	}
	f.describe(net, step)
	*handle = newHandle(f)
	return nil
}

// inOption says which option an error is about.
func inOption(option string, err error) error {
	var e *errs.Error
	if errors.As(err, &e) {
		return errs.New(e.Code, "%s %w", option, e.Err)
	}
	return err
}

func textOr(text *C.char, otherwise string) string {
	if text == nil {
		return otherwise
	}
	return C.GoString(text)
}

func (f *fit) describe(net *graph.Model, step *train.Step) {
	add := func(name string) {
		t := step.Model.Graph.Input(name).Type.Clone()
		t.Shape[0] = graph.Dim{Size: -1}
		f.fields = append(f.fields, ort.Info{Name: name, Type: t})
	}
	for _, name := range step.Batch {
		add(name)
	}
	for _, t := range step.Targets {
		add(t.Name)
	}
	f.info = &array[C.astronnx_fit_info](&f.memory, 1)[0]
	f.info.fields, f.info.n_fields = f.memory.ports(f.fields)
	f.info.n_inputs = C.size_t(len(step.Batch))
	f.info.metadata, f.info.n_metadata = f.memory.entries(net.Metadata)
}

//export goFitInfo
func goFitInfo(handle C.uintptr_t, info **C.astronnx_fit_info, e *C.astronnx_error) C.int {
	return try(e, func() error {
		f, err := lookup[*fit](handle, aFit)
		if err != nil {
			return err
		}
		if err := given("info", unsafe.Pointer(info)); err != nil {
			return err
		}
		*info = f.info
		return nil
	})
}

// begin makes the caller the one who is under way, until the function that it returns.
func (f *fit) begin() (context.Context, func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, nil, errs.New(errs.Closed, "the fit was closed")
	case f.cancel != nil:
		return nil, nil, errs.New(errs.Input, "the fit is in use: another run or export of it is under way").WithHint(
			"wait for its end, or open another fit")
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	return ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		cancel()
		f.cancel = nil
		f.freeIfClosed()
	}, nil
}

// freeIfClosed frees what C reads. f.mu is held.
func (f *fit) freeIfClosed() {
	if f.closed && f.cancel == nil {
		f.memory.free()
		f.report.free()
	}
}

//export goFitRun
func goFitRun(handle C.uintptr_t, data *C.astronnx_data, o *C.astronnx_fit_run_options, report **C.astronnx_report, e *C.astronnx_error) C.int {
	return try(e, func() error {
		f, err := lookup[*fit](handle, aFit)
		if err != nil {
			return err
		}
		ctx, done, err := f.begin()
		if err != nil {
			return err
		}
		defer done()
		f.report.free()
		if o == nil {
			o = &C.astronnx_fit_run_options{size: C.sizeof_astronnx_fit_run_options}
		}
		*report, err = f.run(ctx, data, o)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.closed { // done will free it
			*report = nil
		}
		return err
	})
}

func (f *fit) run(ctx context.Context, data *C.astronnx_data, o *C.astronnx_fit_run_options) (*C.astronnx_report, error) {
	var memory memory // of callbacks
	defer memory.free()
	options, err := f.options(o)
	if err != nil {
		return nil, err
	}
	var turn sync.Mutex
	training, err := dataOf("data", data, f.fields, &turn, &memory)
	if err != nil {
		return nil, err
	}
	if o.validation != nil {
		if options.Validation, err = dataOf("validation", o.validation, f.fields, &turn, &memory); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var told *ended // by the progress callback
	if o.progress != nil {
		c, row := &array[C.astronnx_progress](&memory, 1)[0], &array[C.astronnx_epoch](&memory, 1)[0]
		options.Progress = func(p train.Progress) {
			*c = C.astronnx_progress{
				epoch: C.int64_t(p.Epoch), epochs: C.int64_t(p.Epochs), step: C.int64_t(p.Step), steps: C.int64_t(p.Steps), loss: C.double(p.Loss),
				mean: C.double(p.Mean), rate: C.double(p.Rate), seconds: C.double(p.Elapsed.Seconds()), left: C.double(p.Left.Seconds()),
			}
			if p.Done != nil {
				*row, c.done = epochOf(*p.Done), row
			}
			if code := C.callTell(o.progress, o.user, c); code != 0 {
				told = &ended{code: code}
				cancel(told)
			}
		}
	}
	made, err := f.Run(ctx, training, options)
	if made == nil {
		return nil, err
	}
	var by *ended
	switch {
	case errors.As(err, &by) && by != told:
		if saved(err) == nil { // the sample that the loader blames is not the callback's
			err = by
		}
	case told != nil && (err == nil || errors.Is(err, errs.Canceled)):
		by, err = told, saved(err)
	}
	f.made = made
	f.about = export.Training{Samples: int64(training.Len()), Loss: f.loss.Name, Seed: options.Seed}
	return f.describeRun(by), err
}

// saved returns what went wrong in writing the checkpoint of a run that ended with err.
func saved(err error) error {
	if both, ok := err.(interface{ Unwrap() []error }); ok {
		return errors.Join(both.Unwrap()[1:]...)
	}
	return nil
}

// options are those of a run, data and callbacks aside.
func (f *fit) options(o *C.astronnx_fit_run_options) (train.Options, error) {
	if o.size != C.sizeof_astronnx_fit_run_options {
		return train.Options{}, wrongSize("options", o.size, C.sizeof_astronnx_fit_run_options, "astronnx_fit_run_options")
	}
	t := train.Options{
		Epochs: int(o.epochs), Batch: int(o.batch), Patience: int(o.patience), Seed: uint64(o.seed), Checkpoint: textOr(o.checkpoint, ""),
		Every: int64(o.every), Accumulate: int(o.accumulate), ClipNorm: float64(o.clip_norm), ClipValue: float64(o.clip_value),
		EMA: float64(o.ema), Engine: f.engine,
	}
	if t.Patience < 0 || t.Every < 0 {
		return t, errs.New(errs.Input, "patience is %d and every %d: expected 0 or more", t.Patience, t.Every)
	}
	if !(t.ClipNorm >= 0) || !(t.ClipValue >= 0) || !(t.EMA >= 0 && t.EMA < 1) {
		return t, errs.New(errs.Input, "clip_norm is %g, clip_value %g and ema %g: expected 0 or more, and ema below 1", t.ClipNorm, t.ClipValue, t.EMA)
	}
	frozen, err := view[*C.char]("freeze", o.freeze, o.n_freeze, 1)
	if err != nil {
		return t, err
	}
	for i, pattern := range frozen {
		if pattern == nil {
			return t, errs.New(errs.Input, "freeze[%d] is NULL", i)
		}
		t.Freeze = append(t.Freeze, C.GoString(pattern))
	}
	t.Schedule, err = train.ParseSchedule(textOr(o.schedule, "constant"), cmp.Or(t.Epochs, 1))
	if err != nil {
		return t, inOption("schedule", err)
	}
	return t, nil
}

// describeRun shows the last run to C. by is the callback that ended it, or nil.
func (f *fit) describeRun(by *ended) *C.astronnx_report {
	r := f.made
	c := &array[C.astronnx_report](&f.report, 1)[0]
	rows := array[C.astronnx_epoch](&f.report, len(r.History))
	for i, e := range r.History {
		rows[i] = epochOf(e)
	}
	c.history, c.n_history, c.best_epoch = unsafe.SliceData(rows), C.size_t(len(rows)), -1
	if len(rows) > 0 {
		c.best_epoch, c.best_loss = C.int64_t(r.BestEpoch), C.double(r.BestLoss)
	}
	c.steps, c.resumed, c.seconds = C.int64_t(r.Steps), C.int64_t(r.Resumed), C.double(r.Elapsed.Seconds())
	if r.Stopped {
		c.stopped = 1
	}
	if by != nil {
		c.callback = by.code
	}
	c.engine = f.report.text(r.Engine.String())
	return c
}

func epochOf(e train.Epoch) C.astronnx_epoch {
	return C.astronnx_epoch{
		epoch: C.int64_t(e.Epoch), steps: C.int64_t(e.Steps), loss: C.double(e.Loss), validation: C.double(e.Validation), rate: C.double(e.Rate),
		seconds: C.double(e.Elapsed.Seconds()),
	}
}

//export goFitCancel
func goFitCancel(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		f, err := lookup[*fit](handle, aFit)
		if err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.cancel != nil {
			f.cancel()
		}
		return nil
	})
}

//export goFitExport
func goFitExport(handle C.uintptr_t, path *C.char, last C.int32_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		f, err := lookup[*fit](handle, aFit)
		if err != nil {
			return err
		}
		if err := given("path", unsafe.Pointer(path)); err != nil {
			return err
		}
		_, done, err := f.begin()
		if err != nil {
			return err
		}
		defer done()
		return f.export(C.GoString(path), last != 0)
	})
}

func (f *fit) export(path string, last bool) error {
	if f.made == nil {
		return errs.New(errs.Input, "no run of the fit has begun: there is nothing to export")
	}
	net, rows := f.Last, f.made.History
	if !last {
		if len(rows) == 0 {
			return errs.New(errs.Input, "no epoch has ended: there is no best network").WithHint("export the last instead")
		}
		net, rows = f.Best, rows[:f.made.BestEpoch+1]
	}
	about := f.about
	if about.Epochs = len(rows); len(rows) > 0 && !math.IsNaN(rows[len(rows)-1].Validation) {
		about.Value = rows[len(rows)-1].Validation
	}
	_, err := export.Write(path, net(), export.Options{Engine: f.engine, Training: &about})
	return err
}

//export goFitClose
func goFitClose(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		f, err := take[*fit](handle, aFit)
		if err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.closed = true
		f.freeIfClosed()
		return nil
	})
}
