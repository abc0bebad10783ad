//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	goruntime "runtime"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

// session is the handle; if it is dropped without Close, its state is released when the collector finds it.
type session struct {
	*state
	plan *plan // a session keeps its plan from being collected
}

// state is a binding of ONNX Runtime with the values in it.
type state struct {
	core    *core
	binding *C.OrtIoBinding
	device  *C.OrtMemoryInfo // of the provider; nil on the CPU
	cancel  canceler
	in, out []slot
	auto    bool          // some output is allocated by the engine
	results []*C.OrtValue // C memory: what the engine allocated at the last run
	ran     bool
	closed  bool
}

type slot struct {
	tensor *graph.Tensor // bound memory, or the view of an output
	value  *C.OrtValue
	pin    goruntime.Pinner
	loose  bool // strings and the like: the value is made anew for each run
	keep   bool // output stays on the device
	view   *view
}

// view is a tensor over memory of the engine, with room for its shape.
type view struct {
	tensor graph.Tensor
	dims   [C.ax_max_rank]int64
	code   C.int
	rank   C.size_t
	data   unsafe.Pointer
}

func (p *plan) NewSession() (engine.Session, error) {
	c := p.core
	if err := c.use(); err != nil {
		return nil, err
	}
	s := &state{core: c, in: make([]slot, len(c.in)), out: make([]slot, len(c.out))}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	handle := &session{s, p}
	goruntime.AddCleanup(handle, func(s *state) { s.close() }, s)
	return handle, nil
}

func (s *state) open() error {
	if err := s.cancel.init(s.core); err != nil {
		return err
	}
	if err := check(C.ax_binding(s.core.session, &s.binding)); err != nil {
		return err
	}
	if s.core.report.Provider == engine.CUDA {
		name := C.CString("Cuda")
		defer C.free(unsafe.Pointer(name))
		if err := check(C.ax_memory(name, C.int(s.core.report.Device), &s.device)); err != nil {
			return err
		}
	}
	s.results = cslice[*C.OrtValue](len(s.out))
	for i := range s.out {
		if err := s.SetOutput(i, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.binding != nil {
		C.ax_binding_release(s.binding)
	}
	for i := range s.in {
		s.in[i].clear()
	}
	for i := range s.out {
		s.out[i].clear()
	}
	s.dropResults()
	C.free(unsafe.Pointer(unsafe.SliceData(s.results)))
	if s.device != nil {
		C.ax_memory_release(s.device)
	}
	if s.cancel.options != nil {
		s.cancel.free()
	}
	s.core.done()
}

func (s *session) Close() error {
	s.close()
	return nil
}

func (s *slot) clear() {
	if s.value != nil {
		C.ax_value_release(s.value)
	}
	s.pin.Unpin()
	s.tensor, s.value, s.loose = nil, nil, false
}

func (s *state) dropResults() {
	for i, v := range s.results {
		if v != nil {
			C.ax_value_release(v)
			s.results[i] = nil
		}
	}
}

func (s *state) usable() error {
	if s.closed {
		return errs.New(errs.Closed, "the session is closed")
	}
	return nil
}

func (s *state) SetInput(i int, t *graph.Tensor) error {
	if err := s.usable(); err != nil {
		return err
	}
	in := &s.in[i]
	if t != nil {
		if err := s.core.in[i].CheckInput(t); err != nil {
			return err
		}
	}
	if absent(t) {
		// A binding forgets all inputs or none.
		in.clear()
		C.ax_clear_inputs(s.binding)
		for k := range s.in {
			if s.in[k].value != nil {
				if err := check(C.ax_bind_input(s.binding, s.core.inNames[k], s.in[k].value)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return s.bindInput(i, t)
}

func (s *state) bindInput(i int, t *graph.Tensor) error {
	in := &s.in[i]
	old := *in
	*in = slot{tensor: t, loose: t.Kind != graph.TensorKind || t.DType == graph.String}
	defer old.clear()
	var err error
	if in.value, err = toValue(t, &in.pin); err != nil {
		return err
	}
	return check(C.ax_bind_input(s.binding, s.core.inNames[i], in.value))
}

func (s *state) SetOutput(i int, t *graph.Tensor) error {
	if err := s.usable(); err != nil {
		return err
	}
	out := &s.out[i]
	old := *out
	defer old.clear()
	*out = slot{view: old.view}
	if t != nil {
		if err := s.core.out[i].CheckOutput(t); err != nil {
			return err
		}
		var err error
		if out.value, err = toValue(t, &out.pin); err != nil {
			return err
		}
		out.tensor = t
	}
	return s.bindOutput(i)
}

func (s *state) bindOutput(i int) error {
	out := &s.out[i]
	var memory *C.OrtMemoryInfo
	if out.keep {
		memory = s.device
	}
	if err := check(C.ax_bind_output(s.binding, s.core.outNames[i], out.value, memory)); err != nil {
		return err
	}
	s.auto = false
	for k := range s.out {
		s.auto = s.auto || s.out[k].value == nil
	}
	return nil
}

func (s *state) Keep(i int) error {
	if err := s.usable(); err != nil {
		return err
	}
	s.out[i].clear()
	s.out[i].keep = true
	return s.bindOutput(i)
}

func (s *state) Feed(in, out int) error {
	if err := s.usable(); err != nil {
		return err
	}
	v := s.results[out]
	if v == nil {
		return errs.New(errs.Output, "output %q holds no value of the engine's: run first, and keep it", s.core.out[out].Name)
	}
	if err := check(C.ax_bind_input(s.binding, s.core.inNames[in], v)); err != nil {
		return err
	}
	s.in[in].clear()
	s.in[in].value, s.results[out] = v, nil
	return nil
}

func (s *session) Run(ctx context.Context) error {
	var err error
	if s.core.starts() {
		err = s.core.guarded(func() error { return s.run(ctx) })
	} else {
		err = s.run(ctx)
	}
	goruntime.KeepAlive(s)
	return err
}

func (s *state) run(ctx context.Context) error {
	if err := s.usable(); err != nil {
		return err
	}
	for i := range s.in {
		in := &s.in[i]
		if in.value == nil {
			if err := s.core.in[i].CheckInput(nil); err != nil {
				return err
			}
		}
		if in.loose {
			if err := s.bindInput(i, in.tensor); err != nil {
				return err
			}
		}
	}
	// The binding holds what the engine allocated last and would write into it again, whatever its shape and whoever reads it now.
	for i := range s.out {
		if s.out[i].value == nil && s.ran {
			if err := s.bindOutput(i); err != nil {
				return err
			}
		}
	}
	if err := s.cancel.watch(ctx); err != nil {
		return err
	}
	s.ran = true
	var sync C.int
	if s.device != nil {
		sync = 1
	}
	err := check(C.ax_run_bound(s.core.session, s.cancel.options, s.binding, sync))
	if end := ended(ctx); end != nil {
		return end
	}
	if err != nil || !s.auto {
		return err
	}
	return s.fetch()
}

// fetch takes the outputs that the engine allocated, as views.
func (s *state) fetch() error {
	s.dropResults()
	if err := check(C.ax_bound_outputs(s.binding, unsafe.SliceData(s.results), C.size_t(len(s.results)))); err != nil {
		return err
	}
	for i := range s.out {
		out := &s.out[i]
		if out.value != nil {
			continue // bound memory, which holds the result already
		}
		out.tensor = nil
		if out.keep && s.device != nil {
			continue
		}
		if err := s.look(i); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) look(i int) error {
	out := &s.out[i]
	if out.view == nil {
		out.view = new(view)
	}
	w, v := out.view, s.results[i]
	t := s.core.out[i].Type
	if t != nil && t.Kind == graph.TensorKind && t.DType != graph.String && t.DType != graph.Undefined {
		if err := check(C.ax_value_shape(v, &w.code, cdims(w.dims[:]), C.ax_max_rank, &w.rank)); err != nil {
			return err
		}
		if w.rank <= C.ax_max_rank {
			if err := check(C.ax_value_data(v, &w.data)); err != nil {
				return err
			}
			w.tensor.DType, w.tensor.Shape = dtypeOf(w.code), w.dims[:w.rank]
			n, _ := graph.NumElements(w.tensor.Shape)
			size, _ := graph.ByteSize(w.tensor.DType, n)
			w.tensor.Raw = unsafe.Slice((*byte)(w.data), size)
			if w.data == nil {
				w.tensor.Raw = []byte{}
			}
			out.tensor = &w.tensor
			return nil
		}
	}
	var err error
	out.tensor, err = fromValue(v, t)
	return err
}

func (s *state) Output(i int) *graph.Tensor { return s.out[i].tensor }
