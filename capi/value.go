//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// kindOf returns the element type of a port, as astronnx_port has it, and the type of its tensors.
func kindOf(t *graph.Type) (C.int32_t, *graph.Type) {
	var kind C.int32_t
	if t != nil && t.Kind == graph.OptionalKind {
		kind, t = C.ASTRONNX_OPTIONAL, t.Of
	}
	if t != nil && t.Kind == graph.SequenceKind {
		kind, t = kind+C.ASTRONNX_SEQUENCE, t.Of
	}
	if t == nil || t.Kind != graph.TensorKind {
		return 0, nil
	}
	return kind + C.int32_t(t.DType), t
}

// mostNested bounds how deep values are in values: an array in C may hold itself.
const mostNested = 4

// mostBytes bounds what is taken for a size.
const mostBytes = 1 << 47

// valueOf views the caller's value, which others hold to this depth.
func valueOf(c *C.astronnx_tensor, depth int) (*graph.Tensor, *errs.Error) {
	switch c.dtype {
	case C.ASTRONNX_SEQUENCE:
		return elemsOf(graph.SequenceKind, c, depth)
	case C.ASTRONNX_OPTIONAL:
		return elemsOf(graph.OptionalKind, c, depth)
	}
	return tensorOf(c)
}

func elemsOf(kind graph.Kind, c *C.astronnx_tensor, depth int) (*graph.Tensor, *errs.Error) {
	n := c.bytes / C.sizeof_astronnx_tensor
	switch {
	case depth == mostNested:
		return nil, errs.New(errs.Input, "values are nested deeper than %d", mostNested)
	case c.rank != 0:
		return nil, errs.New(errs.Input, "rank of the %s is %d: expected 0", kind, c.rank)
	case c.bytes%C.sizeof_astronnx_tensor != 0 || uint64(c.bytes) > mostBytes:
		return nil, errs.New(errs.Input, "%d bytes were given, a value of the %s takes %d", uint64(c.bytes), kind, C.sizeof_astronnx_tensor)
	case kind == graph.OptionalKind && n > 1:
		return nil, errs.New(errs.Input, "%d values were given, an optional holds one or none", uint64(n))
	case c.data == nil && n > 0:
		return nil, errs.New(errs.Input, "data is NULL")
	case uintptr(c.data)%C.sizeof_size_t != 0:
		return nil, errs.New(errs.Input, "data is not aligned to %d bytes", C.sizeof_size_t)
	}
	t := &graph.Tensor{Kind: kind}
	for i := range int(n) {
		e, err := valueOf(&unsafe.Slice((*C.astronnx_tensor)(c.data), int(n))[i], depth+1)
		if err == nil && i > 0 && (e.Kind != t.Elems[0].Kind || e.DType != t.Elems[0].DType) {
			err = errs.New(errs.Input, "it is %s, the first is %s", e, t.Elems[0])
		}
		if err != nil {
			err.Err = fmt.Errorf("element %d of the %s: %w", i, kind, err.Err)
			return nil, err
		}
		t.Elems = append(t.Elems, e)
	}
	return t, nil
}

// readStrings copies strings into t: results may share them.
func readStrings(t *graph.Tensor, from []C.astronnx_string) *errs.Error {
	t.Strings = make([]string, len(from))
	for i, s := range from {
		switch {
		case uint64(s.bytes) > mostBytes:
			return errs.New(errs.Input, "string %d has %d bytes: no memory is that large", i, uint64(s.bytes))
		case s.data == nil && s.bytes > 0:
			return errs.New(errs.Input, "string %d is NULL", i)
		}
		t.Strings[i] = string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), int(s.bytes)))
	}
	return nil
}

// writable refuses memory of the caller's for an output of type t that is no tensor of numbers, or as one.
func writable(c *C.astronnx_tensor, t *graph.Type) *errs.Error {
	if graph.DType(c.dtype) != graph.String && c.dtype < C.ASTRONNX_SEQUENCE && (t == nil || t.Kind == graph.TensorKind) {
		return nil
	}
	return errs.New(errs.Output, "only tensors of numbers are written into memory of the caller's").WithHint(
		"set data to NULL, and read what the library allocates")
}

// carried reports whether C can hold t.
func carried(t *graph.Tensor) bool {
	switch t.Kind {
	case graph.TensorKind:
		return true
	case graph.SequenceKind, graph.OptionalKind:
		for _, e := range t.Elems {
			if !carried(e) {
				return false
			}
		}
		return true
	}
	return false
}

// show describes t in c.
func (r *results) show(c *C.astronnx_tensor, t *graph.Tensor) {
	c.dtype, c.rank, c.dims, c.strides = C.int32_t(t.DType), C.int32_t(len(t.Shape)), nil, nil
	if t.Kind == graph.TensorKind {
		c.dims = (*C.int64_t)(pinned(&r.pin, t.Shape))
	}
	switch {
	case t.Kind == graph.OptionalKind:
		c.dtype = C.ASTRONNX_OPTIONAL
		c.data, c.bytes = r.elems(t.Elems)
	case t.Kind == graph.SequenceKind:
		c.dtype = C.ASTRONNX_SEQUENCE
		c.data, c.bytes = r.elems(t.Elems)
	case t.DType == graph.String:
		c.data, c.bytes = r.strings(t.Strings)
	default:
		c.data, c.bytes = pinned(&r.pin, t.Raw), C.size_t(len(t.Raw))
	}
}

func (r *results) elems(list []*graph.Tensor) (unsafe.Pointer, C.size_t) {
	elems := array[C.astronnx_tensor](&r.memory, len(list))
	for i, t := range list {
		r.show(&elems[i], t)
	}
	return unsafe.Pointer(unsafe.SliceData(elems)), C.size_t(len(list)) * C.sizeof_astronnx_tensor
}

func (r *results) strings(list []string) (unsafe.Pointer, C.size_t) {
	strings := array[C.astronnx_string](&r.memory, len(list))
	for i, s := range list {
		text := array[C.char](&r.memory, len(s)) // and the 0 behind it
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(text))), len(s)), s)
		strings[i] = C.astronnx_string{unsafe.SliceData(text), C.size_t(len(s))}
	}
	return unsafe.Pointer(unsafe.SliceData(strings)), C.size_t(len(list)) * C.sizeof_astronnx_string
}
