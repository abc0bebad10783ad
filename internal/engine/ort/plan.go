//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	yalue "github.com/yalue/onnxruntime_go"
)

// plan is the handle that users hold; core is what it and its sessions share. If a plan is dropped without Close, the core is
// released when the collector finds it.
type plan struct{ *core }

// core lives until the plan is closed and every run and session has ended.
type core struct {
	yalue    *yalue.DynamicAdvancedSession
	session  *C.OrtSession
	in, out  []engine.Port
	inNames  []*C.char
	outNames []*C.char
	sizes    []prediction // by output
	weights  *weights
	report   engine.Report
	options  engine.Options

	started atomic.Bool // a run has begun: before, a device may still be starting

	mu     sync.Mutex
	idle   []*runner
	users  int // the open plan, its sessions, its runs
	closed bool
}

// prediction tells an output's shape from the inputs' before a run: each dimension a size, or a dimension of an input. With it the
// result is computed straight into the caller's memory. A model may declare a wrong shape; wrong is set when that shows.
type prediction struct {
	known bool
	dtype graph.DType
	dims  []source
	wrong atomic.Bool
}

type source struct {
	size        int64
	input, axis int // where size is negative
}

func newPlan(m *graph.Model, s *yalue.DynamicAdvancedSession, w *weights, o engine.Options, report engine.Report) (engine.Plan, error) {
	c := &core{yalue: s, weights: w, session: (*C.OrtSession)(sessionPointer(s)), report: report, options: o, users: 1}
	c.in, c.out = engine.Ports(m)
	if err := c.refine(); err != nil {
		c.release()
		return nil, err
	}
	for _, p := range c.in {
		c.inNames = append(c.inNames, C.CString(p.Name))
	}
	for _, p := range c.out {
		c.outNames = append(c.outNames, C.CString(p.Name))
	}
	c.sizes = make([]prediction, len(c.out))
	for i := range c.sizes {
		c.predict(i)
	}
	c.report.Placement = c.placement()
	p := &plan{c}
	goruntime.AddCleanup(p, func(c *core) { c.close() }, c)
	return p, nil
}

// refine takes the types of outputs, and of required inputs, from ONNX Runtime's inference where the file says less.
func (c *core) refine() error {
	required := 0
	for i := range c.in {
		if c.in[i].Optional {
			continue
		}
		if err := c.refinePort(&c.in[i], 0, required); err != nil {
			return err
		}
		required++
	}
	for i := range c.out {
		if err := c.refinePort(&c.out[i], 1, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *core) refinePort(p *engine.Port, output, i int) error {
	if p.Type != nil && (p.Type.Kind != graph.TensorKind || p.Type.Shape != nil) {
		return nil
	}
	var code C.int
	var dims [C.ax_max_rank]C.int64_t
	var names [C.ax_max_rank]*C.char
	var rank C.size_t
	var keep *C.OrtTypeInfo
	err := check(C.ax_port(c.session, C.int(output), C.size_t(i), &code, &dims[0], C.ax_max_rank, &rank, &names[0], &keep))
	defer C.ax_port_release(keep)
	if err != nil || code == 0 {
		return err
	}
	t := &graph.Type{DType: dtypeOf(code)}
	if p.Type != nil && p.Type.DType != graph.Undefined {
		t.DType = p.Type.DType
	}
	// ONNX Runtime reports a missing shape as rank 0: only a positive rank says something.
	for k := range int(rank) {
		d := graph.Dim{Size: int64(dims[k]), Param: C.GoString(names[k])}
		if d.Size < 0 {
			d.Size = -1
		}
		t.Shape = append(t.Shape, d)
	}
	p.Type = t
	return nil
}

func (c *core) predict(i int) {
	t := c.out[i].Type
	if t == nil || t.Kind != graph.TensorKind || t.Shape == nil || t.DType.Bits() == 0 {
		return
	}
	p := &c.sizes[i]
	p.dtype = t.DType
	for _, d := range t.Shape {
		s := source{size: d.Size}
		if !d.Known() {
			var ok bool
			if s.input, s.axis, ok = c.dimension(d.Param); !ok {
				return
			}
		}
		p.dims = append(p.dims, s)
	}
	p.known = true
}

func (c *core) dimension(param string) (input, axis int, ok bool) {
	for i, p := range c.in {
		if p.Type == nil || p.Type.Kind != graph.TensorKind || p.Optional || param == "" {
			continue
		}
		if k := slices.IndexFunc(p.Type.Shape, func(d graph.Dim) bool { return d.Size < 0 && d.Param == param }); k >= 0 {
			return i, k, true
		}
	}
	return 0, 0, false
}

// shape appends the predicted shape of output i to dims.
func (p *prediction) shape(dims []int64, in []*graph.Tensor) []int64 {
	for _, s := range p.dims {
		if s.size < 0 {
			s.size = in[s.input].Shape[s.axis]
		}
		dims = append(dims, s.size)
	}
	return dims
}

func (c *core) Inputs() []engine.Port  { return c.in }
func (c *core) Outputs() []engine.Port { return c.out }

func (c *core) Report() engine.Report { return c.report }

func (c *core) placement() []engine.Placement {
	var text *C.char
	if check(C.ax_placement_text(c.session, &text)) != nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	list := []engine.Placement{}
	for line := range strings.Lines(C.GoString(text)) {
		provider, op, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		provider = strings.TrimSuffix(provider, "ExecutionProvider")
		i := slices.IndexFunc(list, func(p engine.Placement) bool { return p.Provider == provider })
		if i < 0 {
			i = len(list)
			list = append(list, engine.Placement{Provider: provider, Ops: map[string]int{}})
		}
		list[i].Nodes++
		list[i].Ops[op]++
	}
	return list
}

// use counts one more user of the core; each must call done.
func (c *core) use() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.useLocked()
}

func (c *core) useLocked() error {
	if c.closed {
		return errs.New(errs.Closed, "the model is closed")
	}
	c.users++
	return nil
}

func (c *core) done() {
	c.mu.Lock()
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if last {
		c.release()
	}
}

func (c *core) close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.done()
	}
	return nil
}

func (p *plan) Close() error { return p.close() }

// EndProfile finishes the profile and returns its file.
func (p *plan) EndProfile() (string, error) {
	c := p.core
	if c.options.Profile == "" {
		return "", errs.New(errs.Input, "no profile was asked for")
	}
	if err := c.use(); err != nil {
		return "", err
	}
	defer c.done()
	var file *C.char
	if err := check(C.ax_end_profiling(c.session, &file)); err != nil {
		return "", err
	}
	defer C.free(unsafe.Pointer(file))
	return C.GoString(file), nil
}

func (c *core) release() {
	for _, r := range c.idle {
		r.free()
	}
	c.idle = nil
	c.yalue.Destroy()
	c.weights.free()
	for _, list := range [][]*C.char{c.inNames, c.outNames} {
		for _, name := range list {
			C.free(unsafe.Pointer(name))
		}
	}
	C.ax_trim()
}

func (c *core) get() (*runner, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.useLocked(); err != nil {
		return nil, err
	}
	if n := len(c.idle); n > 0 {
		r := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return r, nil
	}
	return c.newRunner()
}

func (c *core) put(r *runner) {
	c.mu.Lock()
	c.idle = append(c.idle, r)
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if last {
		c.release()
	}
}

func (p *plan) Run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error {
	c := p.core
	if err := ended(ctx); err != nil {
		return err
	}
	if len(in) != len(c.in) {
		return errs.New(errs.Input, "expected %d inputs (%s), got %d", len(c.in), engine.Names(c.in), len(in))
	}
	for i := range c.in {
		if err := c.in[i].CheckInput(in[i]); err != nil {
			return err
		}
	}
	for k, t := range out {
		if t != nil {
			if err := c.out[output(want, k)].CheckOutput(t); err != nil {
				return err
			}
		}
	}
	r, err := c.get()
	if err != nil {
		return err
	}
	if c.starts() {
		err = c.guarded(func() error { return r.run(ctx, in, want, out) })
	} else {
		err = r.run(ctx, in, want, out)
	}
	c.put(r)
	goruntime.KeepAlive(p)
	return err
}

// starts reports whether this is the first run, on a device.
func (c *core) starts() bool {
	return c.report.Provider != engine.CPU && c.started.CompareAndSwap(false, true)
}

func (c *core) guarded(run func() error) (err error) {
	keepSignals(c.report.Provider, func() { err = run() })
	return err
}

// ended returns ctx's end as an error.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		if cause := context.Cause(ctx); cause != err {
			return errs.New(errs.Canceled, "%w: %w", err, cause)
		}
		return errs.New(errs.Canceled, "%w", err)
	}
	return nil
}
