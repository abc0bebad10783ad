//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	ort "github.com/astronnx/astronnx/runtime"
)

// results are tensors in Go memory that C reads: pinned until they are closed.
type results struct{ pin goruntime.Pinner }

const someResults = "results"

//export goModelRun
func goModelRun(handle C.uintptr_t, in *C.astronnx_tensor, nIn C.size_t, out *C.astronnx_tensor, nOut C.size_t, wanted C.int,
	made *C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		m, err := lookup[*model](handle, aModel)
		if err != nil {
			return err
		}
		inputs, err := named(in, nIn, m.Inputs(), errs.Input)
		if err != nil {
			return err
		}
		outputs, err := named(out, nOut, m.Outputs(), errs.Output)
		if err != nil {
			return err
		}
		if nOut == 0 {
			return errs.New(errs.Output, "no output is asked for")
		}
		list := unsafe.Slice(out, int(nOut))
		allocates := slices.ContainsFunc(list, func(t C.astronnx_tensor) bool { return t.data == nil })
		if allocates && wanted == 0 {
			return errs.New(errs.Output, "results is NULL, but an output is to be allocated")
		}
		m.mu.Lock()
		ctx := m.ctx
		m.mu.Unlock()
		if err := m.RunInto(ctx, ort.Inputs(inputs), ort.Outputs(outputs)); err != nil || !allocates {
			return err
		}
		r := &results{}
		if err := r.hand(outputs, list, m.Outputs()); err != nil {
			r.pin.Unpin()
			return err
		}
		*made = newHandle(r)
		return nil
	})
}

// named returns the caller's tensors by the names of the ports they are for; nil where one has no data.
func named(p *C.astronnx_tensor, n C.size_t, ports []ort.Info, code errs.Code) (map[string]*graph.Tensor, error) {
	what := "input"
	if code == errs.Output {
		what = "output"
	}
	if p == nil && n > 0 {
		return nil, errs.New(code, "%d %ss were given as NULL", n, what)
	}
	if int(n) > len(ports) || int(n) < 0 {
		return nil, errs.New(code, "%d %ss were given: the model has %d", uint64(n), what, len(ports))
	}
	list := make(map[string]*graph.Tensor, n)
	for i := range int(n) {
		c := &unsafe.Slice(p, int(n))[i]
		name := portName(c, i, ports)
		if _, twice := list[name]; twice {
			return nil, errs.New(code, "%s %q is given twice", what, name)
		}
		if code == errs.Output && c.data == nil {
			list[name] = nil
			continue
		}
		t, why := tensorOf(c)
		if why != nil {
			why.Code, why.Err = code, fmt.Errorf("%s %q: %w", what, name, why.Err)
			return nil, why
		}
		list[name] = t
	}
	return list, nil
}

func portName(c *C.astronnx_tensor, i int, ports []ort.Info) string {
	if c.name == nil {
		return ports[i].Name
	}
	name := unsafe.String((*byte)(unsafe.Pointer(c.name)), length(c.name))
	for i := range ports { // the model's own string saves a copy
		if ports[i].Name == name {
			return ports[i].Name
		}
	}
	return C.GoString(c.name)
}

func length(s *C.char) int {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(s), n)) != 0 {
		n++
	}
	return n
}

// mostAxes bounds a rank before its dims are read.
const mostAxes = 64

// tensorOf views the caller's array.
func tensorOf(c *C.astronnx_tensor) (*graph.Tensor, *errs.Error) {
	d := graph.DType(c.dtype)
	switch {
	case !d.Valid() || d == graph.String || d.Bits() < 8:
		return nil, errs.New(errs.Input, "element type %d is not carried: expected one of astronnx_dtype", c.dtype)
	case c.rank < 0 || c.rank > mostAxes:
		return nil, errs.New(errs.Input, "rank is %d: expected 0 to %d", c.rank, mostAxes)
	case c.dims == nil && c.rank > 0:
		return nil, errs.New(errs.Input, "dims is NULL")
	case c.data == nil && c.bytes > 0:
		return nil, errs.New(errs.Input, "data is NULL")
	}
	t := &graph.Tensor{DType: d, Shape: make([]int64, c.rank), Raw: []byte{}}
	copy(t.Shape, unsafe.Slice((*int64)(unsafe.Pointer(c.dims)), int(c.rank)))
	n, ok := graph.NumElements(t.Shape)
	size, fits := graph.ByteSize(d, n)
	if !ok || !fits || size < 0 {
		return nil, errs.New(errs.Input, "dims are %v: negative, or too many elements", t.Shape)
	}
	if uint64(c.bytes) != uint64(size) {
		return nil, errs.New(errs.Input, "%d bytes were given, %s needs %d", uint64(c.bytes), t, size)
	}
	if err := rowMajor(t.Shape, c.strides); err != nil {
		return nil, err
	}
	// A part of a complex number is aligned, not the whole.
	if align := uintptr(min(d.Bits()/8, 8)); align > 0 && uintptr(c.data)%align != 0 {
		return nil, errs.New(errs.Input, "data is not aligned to %d bytes", align).WithHint("copy it into memory that malloc gives")
	}
	if size > 0 {
		t.Raw = unsafe.Slice((*byte)(c.data), int(size))
	}
	return t, nil
}

// rowMajor refuses strides that are not those of a dense array; those of an axis of one element do not matter.
func rowMajor(shape []int64, strides *C.int64_t) *errs.Error {
	if strides == nil || slices.Contains(shape, 0) {
		return nil
	}
	s := unsafe.Slice((*int64)(unsafe.Pointer(strides)), len(shape))
	step := int64(1)
	for k := len(shape) - 1; k >= 0; k-- {
		if shape[k] != 1 && s[k] != step {
			return errs.New(errs.Input, "strides are %v for shape %v: expected row-major order, %d for axis %d", s, shape, step, k).WithHint(
				"copy it to a dense array (in NumPy: numpy.ascontiguousarray)")
		}
		step *= shape[k]
	}
	return nil
}

// hand shows the tensors made for outputs without data to C.
func (r *results) hand(made map[string]*graph.Tensor, out []C.astronnx_tensor, ports []ort.Info) error {
	for i := range out {
		c := &out[i]
		if c.data != nil {
			continue
		}
		name := portName(c, i, ports)
		if t := made[name]; t.Kind != graph.TensorKind || t.DType == graph.String {
			return errs.New(errs.Output, "output %q is %s, which C does not carry", name, t)
		}
	}
	for i := range out {
		c := &out[i]
		if c.data != nil {
			continue
		}
		t := made[portName(c, i, ports)]
		c.dtype, c.rank, c.bytes, c.strides = C.int32_t(t.DType), C.int32_t(len(t.Shape)), C.size_t(len(t.Raw)), nil
		c.dims = (*C.int64_t)(pinned(&r.pin, t.Shape))
		c.data = pinned(&r.pin, t.Raw)
	}
	return nil
}

// pinned returns a pointer that C may keep until pin is undone; to something, even where s is empty.
func pinned[T any](pin *goruntime.Pinner, s []T) unsafe.Pointer {
	if len(s) == 0 {
		s = make([]T, 1)
	}
	p := unsafe.SliceData(s)
	pin.Pin(p)
	return unsafe.Pointer(p)
}

//export goResultsClose
func goResultsClose(handle C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		r, err := take[*results](handle, someResults)
		if err == nil {
			r.pin.Unpin()
		}
		return err
	})
}
