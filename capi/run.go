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

// results are what C reads until they are closed: numbers in Go memory, pinned, the rest in C memory.
type results struct {
	pin    goruntime.Pinner
	memory memory
}

const someResults = "results"

//export goModelRun
func goModelRun(handle C.uintptr_t, in *C.astronnx_tensor, nIn C.size_t, out *C.astronnx_tensor, nOut C.size_t, wanted C.int,
	made *C.uintptr_t, e *C.astronnx_error) C.int {
	return try(e, func() error {
		m, err := lookup[*model](handle, aModel)
		if err != nil {
			return err
		}
		sent, at, err := tensorsOf(in, nIn, m.Inputs(), errs.Input)
		if err != nil {
			return err
		}
		results, want, err := tensorsOf(out, nOut, m.Outputs(), errs.Output)
		if err != nil {
			return err
		}
		allocates := slices.Contains(results, nil)
		if allocates && wanted == 0 {
			return errs.New(errs.Output, "results is NULL, but an output is to be allocated")
		}
		values := make([]*graph.Tensor, len(m.Inputs()))
		for k, i := range at {
			values[i] = sent[k]
		}
		m.mu.Lock()
		ctx := m.ctx
		m.mu.Unlock()
		if err := m.RunAt(ctx, values, want, results); err != nil || !allocates {
			return err
		}
		*made, err = hand(results, unsafe.Slice(out, int(nOut)), want, m.Outputs())
		return err
	})
}

// tensorsOf views the caller's tensors, nil where an output has no data, and tells which ports they are for.
func tensorsOf(p *C.astronnx_tensor, n C.size_t, ports []ort.Info, code errs.Code) ([]*graph.Tensor, []int, error) {
	what := "input"
	if code == errs.Output {
		what = "output"
	}
	if p == nil && n > 0 {
		return nil, nil, errs.New(code, "%d %ss were given as NULL", uint64(n), what)
	}
	if uint64(n) > uint64(len(ports)) {
		return nil, nil, errs.New(code, "%d %ss were given: the model has %d", uint64(n), what, len(ports))
	}
	list, at := make([]*graph.Tensor, n), make([]int, n)
	for k := range list {
		c := &unsafe.Slice(p, int(n))[k]
		if at[k] = portOf(c, k, ports); at[k] < 0 {
			return nil, nil, errs.New(code, "no %s is called %q", what, C.GoString(c.name))
		}
		if slices.Contains(at[:k], at[k]) {
			return nil, nil, errs.New(code, "%s %q is given twice", what, ports[at[k]].Name)
		}
		if code == errs.Output && c.data == nil {
			continue
		}
		var why *errs.Error
		if code == errs.Output {
			why = writable(c, ports[at[k]].Type)
		}
		if why == nil {
			list[k], why = valueOf(c, 0)
		}
		if why != nil {
			why.Code, why.Err = code, fmt.Errorf("%s %q: %w", what, ports[at[k]].Name, why.Err)
			return nil, nil, why
		}
	}
	return list, at, nil
}

// portOf returns the position of the port with the name of c, or k if it has none; -1 where there is no such port.
func portOf(c *C.astronnx_tensor, k int, ports []ort.Info) int {
	if c.name == nil {
		return k
	}
	name := unsafe.String((*byte)(unsafe.Pointer(c.name)), length(c.name))
	return slices.IndexFunc(ports, func(p ort.Info) bool { return p.Name == name })
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
	case !d.Valid():
		return nil, errs.New(errs.Input, "element type %d is not carried: expected one of astronnx_dtype", c.dtype)
	case c.rank < 0 || c.rank > mostAxes:
		return nil, errs.New(errs.Input, "rank is %d: expected 0 to %d", c.rank, mostAxes)
	case c.dims == nil && c.rank > 0:
		return nil, errs.New(errs.Input, "dims is NULL")
	case c.data == nil && c.bytes > 0:
		return nil, errs.New(errs.Input, "data is NULL")
	}
	made := &struct {
		graph.Tensor
		room [8]int64
	}{}
	t := &made.Tensor
	t.DType, t.Raw, t.Shape = d, []byte{}, append(made.room[:0], unsafe.Slice((*int64)(unsafe.Pointer(c.dims)), int(c.rank))...)
	n, ok := graph.NumElements(t.Shape)
	size, fits := graph.ByteSize(d, n)
	align := uintptr(min(d.Bits()/8, 8)) // a part of a complex number is aligned, not the whole
	if d == graph.String {
		size, fits, align = n*C.sizeof_astronnx_string, n <= mostBytes/C.sizeof_astronnx_string, C.sizeof_size_t
	}
	if !ok || !fits || size < 0 {
		return nil, errs.New(errs.Input, "dims are %v: negative, or too many elements", t.Shape)
	}
	if uint64(c.bytes) != uint64(size) {
		return nil, errs.New(errs.Input, "%d bytes were given, %s needs %d", uint64(c.bytes), t, size)
	}
	if err := rowMajor(t.Shape, c.strides); err != nil {
		return nil, err
	}
	if align > 0 && uintptr(c.data)%align != 0 {
		return nil, errs.New(errs.Input, "data is not aligned to %d bytes", align).WithHint("copy it into memory that malloc gives")
	}
	if d == graph.String {
		t.Raw = nil
		return t, readStrings(t, unsafe.Slice((*C.astronnx_string)(c.data), int(n)))
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

// hand shows the results for which out has no data to C, and returns the handle that keeps them.
func hand(made []*graph.Tensor, out []C.astronnx_tensor, want []int, ports []ort.Info) (C.uintptr_t, error) {
	for k, t := range made {
		if out[k].data == nil && !carried(t) {
			return 0, errs.New(errs.Output, "output %q is %s, which C does not carry", ports[want[k]].Name, t)
		}
	}
	r := &results{}
	for k, t := range made {
		if c := &out[k]; c.data == nil {
			r.show(c, t)
		}
	}
	return newHandle(r), nil
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
			r.memory.free()
		}
		return err
	})
}
