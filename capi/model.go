//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"context"
	"maps"
	"slices"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	ort "github.com/astronnx/astronnx/runtime"
)

// model is what an astronnx_model stands for.
type model struct {
	*ort.Model
	memory memory
	info   *C.astronnx_model_info

	mu     sync.Mutex
	ctx    context.Context // of the runs that begin now
	cancel context.CancelFunc
}

const aModel = "model"

//export goModelOpen
func goModelOpen(path *C.char, options *C.astronnx_options, wanted C.int, handle *C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		if err := given("path", unsafe.Pointer(path)); err != nil {
			return err
		}
		return open(options, wanted, handle, func(c ort.Config) (*ort.Model, error) { return ort.Load(C.GoString(path), c) })
	})
}

//export goModelOpenBytes
func goModelOpenBytes(data unsafe.Pointer, size C.size_t, options *C.astronnx_options, wanted C.int, handle *C.uintptr_t,
	e *C.astronnx_error) C.int {
	return try(e, func() error {
		if err := given("data", data); err != nil {
			return err
		}
		return open(options, wanted, handle, func(c ort.Config) (*ort.Model, error) {
			return ort.LoadBytes(copied(data, size), c)
		})
	})
}

// copied are the bytes of a file: models share the constants in them, and the caller may free his.
func copied(data unsafe.Pointer, size C.size_t) []byte {
	b := graph.AlignedBytes(int(size))
	copy(b, unsafe.Slice((*byte)(data), len(b)))
	return b
}

func open(options *C.astronnx_options, wanted C.int, handle *C.uintptr_t, load func(ort.Config) (*ort.Model, error)) error {
	if wanted == 0 {
		return errs.New(errs.Input, "model is NULL: there is no place for the handle")
	}
	c, err := configOf(options)
	if err != nil {
		return err
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	m := &model{Model: loaded}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.describe()
	*handle = newHandle(m)
	return nil
}

func configOf(o *C.astronnx_options) (ort.Config, error) {
	c := ort.NewConfig()
	if o == nil {
		return c, nil
	}
	if o.size != C.sizeof_astronnx_options {
		return c, wrongSize("options", o.size, C.sizeof_astronnx_options, "astronnx_options")
	}
	c = c.WithThreads(int(o.threads)).WithDevice(int(o.device)).WithFallback(o.fallback != 0).WithFunctionBodies(o.bodies != 0)
	if o.engine != nil {
		c = c.WithEngine(C.GoString(o.engine))
	}
	if o.library != nil {
		c = c.WithLibrary(C.GoString(o.library))
	}
	if o.provider != nil {
		c = c.WithProvider(ort.Provider(C.GoString(o.provider)))
	}
	return c, nil
}

func (m *model) describe() {
	info := &array[C.astronnx_model_info](&m.memory, 1)[0]
	info.inputs, info.n_inputs = m.memory.ports(m.Inputs())
	info.outputs, info.n_outputs = m.memory.ports(m.Outputs())
	info.metadata, info.n_metadata = m.memory.entries(m.Metadata())
	r := m.Report()
	info.engine, info.library, info.version = m.memory.text(r.Engine), m.memory.text(r.Library), m.memory.text(r.Version)
	info.provider, info.report = m.memory.text(string(r.Provider)), m.memory.text(r.String())
	info.device, info.threads = C.int32_t(r.Device), C.int32_t(r.Threads)
	m.info = info
}

func (m *memory) entries(metadata map[string]string) (*C.astronnx_entry, C.size_t) {
	entries := array[C.astronnx_entry](m, len(metadata))
	for i, key := range slices.Sorted(maps.Keys(metadata)) {
		entries[i] = C.astronnx_entry{m.text(key), m.text(metadata[key])}
	}
	return unsafe.SliceData(entries), C.size_t(len(entries))
}

func (m *memory) ports(list []ort.Info) (*C.astronnx_port, C.size_t) {
	ports := array[C.astronnx_port](m, len(list))
	for i, info := range list {
		p := &ports[i]
		kind, tensor := kindOf(info.Type)
		p.name, p.dtype, p.rank = m.text(info.Name), kind, -1
		if info.Optional {
			p.optional = 1
		}
		if kind == 0 || tensor.Shape == nil {
			continue
		}
		shape := tensor.Shape
		dims, symbols := array[C.int64_t](m, len(shape)), array[*C.char](m, len(shape))
		for k, d := range shape {
			dims[k], symbols[k] = -1, m.text(d.Param)
			if d.Known() {
				dims[k] = C.int64_t(d.Size)
			}
		}
		p.rank, p.dims, p.symbols = C.int32_t(len(shape)), unsafe.SliceData(dims), unsafe.SliceData(symbols)
	}
	return unsafe.SliceData(ports), C.size_t(len(ports))
}

//export goModelInfo
func goModelInfo(handle C.uintptr_t, info **C.astronnx_model_info, e *C.astronnx_error) C.int {
	return try(e, func() error {
		m, err := lookup[*model](handle, aModel)
		if err != nil {
			return err
		}
		if err := given("info", unsafe.Pointer(info)); err != nil {
			return err
		}
		*info = m.info
		return nil
	})
}

//export goModelCancel
func goModelCancel(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		m, err := lookup[*model](handle, aModel)
		if err != nil {
			return err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.cancel()
		m.ctx, m.cancel = context.WithCancel(context.Background())
		return nil
	})
}

//export goModelClose
func goModelClose(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		m, err := take[*model](handle, aModel)
		if err != nil {
			return err
		}
		m.memory.free()
		return m.Close()
	})
}
