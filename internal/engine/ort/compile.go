//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"maps"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	yalue "github.com/yalue/onnxruntime_go"
)

// Engine is ONNX Runtime.
var Engine engine.Engine = ortEngine{}

type ortEngine struct{}

func (ortEngine) Name() string { return "onnxruntime" }

// Compile starts the library if the process has none yet, serialises m and creates a session from the bytes. The plan shares m's
// large constants, which must not change from then on.
func (ortEngine) Compile(m *graph.Model, o engine.Options) (engine.Plan, error) {
	if err := refuseFatal(m); err != nil {
		return nil, err
	}
	lib, err := start(o.Library, o.PythonLibrary)
	if err != nil {
		return nil, err
	}
	if o.Provider == "" {
		o.Provider = engine.CPU
	}
	if o.Threads <= 0 {
		o.Threads = goruntime.GOMAXPROCS(0) // follows the container's limit
	}
	report := engine.Report{
		Engine: "onnxruntime", Library: lib.Path, Version: lib.Version,
		Provider: o.Provider, Device: o.Device, Threads: o.Threads,
	}
	if lib.Warning != "" {
		report.Notes = append(report.Notes, lib.Warning)
	}
	rest, w := split(m)
	c := compilation{model: rest, weights: w, options: &o, report: &report}
	session, err := c.create()
	if err != nil {
		w.free()
		return nil, listUnsupported(m, err)
	}
	return newPlan(m, session, w, o, report)
}

// compilation is a model on its way into a session.
type compilation struct {
	model   *graph.Model // without its large constants
	weights *weights
	options *engine.Options
	report  *engine.Report
}

// create makes the session, and a second time on the CPU where the provider cannot serve and may be replaced.
func (c *compilation) create() (*yalue.DynamicAdvancedSession, error) {
	session, err := c.createWithKernels()
	o, r := c.options, c.report
	if err == nil || !o.Fallback || o.Provider == engine.CPU {
		return session, err
	}
	r.Notes = append(r.Notes, fmt.Sprintf("%s cannot serve, the CPU does: %v", o.Provider, err))
	r.Provider, r.Device = engine.CPU, 0
	o.Provider, o.Device = engine.CPU, 0
	return c.createWithKernels()
}

// createWithKernels registers the kernels that fit. Where the session fails over one of them, function bodies may still do.
func (c *compilation) createWithKernels() (*yalue.DynamicAdvancedSession, error) {
	choice, err := c.chooseKernels("")
	if err != nil {
		return nil, err
	}
	session, err := createSession(choice.data, c.weights, c.options, choice.bits)
	if err != nil && choice.bits != 0 && choice.blamed(err) {
		bodies, failed := c.chooseKernels(err.Error())
		if failed == nil {
			if again, failed := createSession(bodies.data, c.weights, c.options, 0); failed == nil {
				choice, session, err = bodies, again, nil
			}
		}
	}
	c.report.Kernels = choice.report
	return session, err
}

func createSession(data []byte, w *weights, o *engine.Options, kernels uint) (*yalue.DynamicAdvancedSession, error) {
	var session *yalue.DynamicAdvancedSession
	var err error
	keepSignals(o.Provider, func() { session, err = openSession(data, w, o, kernels) })
	return session, err
}

// keepSignals keeps the process's signal handlers over f: providers for devices replace them when they start, and Go cannot do
// without its own.
func keepSignals(p engine.Provider, f func()) {
	if p != engine.CPU {
		saved := C.ax_signals_save()
		defer C.ax_signals_restore(saved)
	}
	f()
}

// naming is held while a session with domains of ours is created: onnxruntime looks a domain up in a list of the process and then adds
// it, and of two sessions that do so at once the second fails.
var naming sync.Mutex

func openSession(data []byte, w *weights, o *engine.Options, kernels uint) (*yalue.DynamicAdvancedSession, error) {
	options, err := sessionOptions(o)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := register(options, kernels); err != nil {
		return nil, err
	}
	if err := w.add(options); err != nil {
		return nil, err
	}
	if kernels != 0 {
		naming.Lock()
		defer naming.Unlock()
	}
	session, err := yalue.NewDynamicAdvancedSessionWithONNXData(data, nil, nil, options)
	if err != nil {
		C.ax_trim()
		return nil, describe(0, strings.TrimPrefix(err.Error(), "Error creating C session: "))
	}
	return session, nil
}

func sessionOptions(o *engine.Options) (*yalue.SessionOptions, error) {
	s, err := yalue.NewSessionOptions()
	if err != nil {
		return nil, errs.New(errs.Engine, "session options: %w", err)
	}
	fail := func(err error) (*yalue.SessionOptions, error) {
		s.Destroy()
		return nil, err
	}
	entries := map[string]string{
		"session.intra_op.allow_spinning":         flag(o.Spinning),
		"session.inter_op.allow_spinning":         flag(o.Spinning),
		"session.record_ep_graph_assignment_info": "1",
		"astronnx.threads":                        strconv.Itoa(o.Threads), // for our kernels
	}
	if o.Provider != engine.CPU && !o.Fallback {
		entries["session.disable_cpu_ep_fallback"] = "1"
	}
	maps.Copy(entries, o.Config)
	steps := []func() error{
		func() error { return s.SetIntraOpNumThreads(o.Threads) },
		func() error { return s.SetInterOpNumThreads(max(o.InterThreads, 1)) },
		func() error { return s.SetCpuMemArena(o.Arena) },
		func() error { return s.SetMemPattern(o.Arena && !o.NoPattern) },
		func() error { return s.SetLogSeverityLevel(yalue.LoggingLevelFatal) }, // errors are returned
	}
	if o.InterThreads > 1 {
		steps = append(steps, func() error { return s.SetExecutionMode(yalue.ExecutionModeParallel) })
	}
	if o.Profile != "" {
		steps = append(steps, func() error { return s.EnableProfiling(o.Profile) })
	}
	for _, k := range slices.Sorted(maps.Keys(entries)) {
		steps = append(steps, func() error { return s.AddSessionConfigEntry(k, entries[k]) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fail(errs.New(errs.Engine, "session options: %w", err))
		}
	}
	if o.Deterministic {
		if err := check(C.ax_deterministic(optionsPointer(s))); err != nil {
			return fail(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Dims)) {
		cname := C.CString(name)
		err := check(C.ax_fix_dimension(optionsPointer(s), cname, C.int64_t(o.Dims[name])))
		C.free(unsafe.Pointer(cname))
		if err != nil {
			return fail(err)
		}
	}
	if err := appendProvider(s, o); err != nil {
		return fail(err)
	}
	return s, nil
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// appendProvider asks for the provider. What cannot serve is errs.Unavailable.
func appendProvider(s *yalue.SessionOptions, o *engine.Options) error {
	if o.Provider == engine.CPU {
		return nil
	}
	var err error
	switch o.Provider {
	case engine.CUDA:
		var cuda *yalue.CUDAProviderOptions
		if cuda, err = yalue.NewCUDAProviderOptions(); err != nil {
			break
		}
		defer cuda.Destroy()
		keys := map[string]string{"device_id": strconv.Itoa(o.Device)}
		if o.MemoryLimit > 0 {
			keys["gpu_mem_limit"] = strconv.FormatInt(o.MemoryLimit, 10)
		}
		maps.Copy(keys, o.ProviderOptions)
		if err = cuda.Update(keys); err == nil {
			err = s.AppendExecutionProviderCUDA(cuda)
		}
	default:
		err = s.AppendExecutionProvider(string(o.Provider), o.ProviderOptions)
	}
	if err == nil {
		return nil
	}
	return errs.New(errs.Unavailable, "provider %s, device %d: %s", o.Provider, o.Device, strings.TrimSpace(err.Error())).WithHint(
		"the library in use was built with %s: use one that has the provider and its driver and libraries, or allow the CPU instead",
		strings.Join(Providers(), ", "))
}
