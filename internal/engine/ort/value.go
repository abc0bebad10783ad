//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	goruntime "runtime"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// ONNX Runtime's kinds of value.
const (
	kindTensor   = 1
	kindSequence = 2
	kindMap      = 3
)

// toValue makes a value of ONNX Runtime from any tensor, sequence, map or present optional. Numbers stay where they are, pinned;
// strings are copied. The caller releases it.
func toValue(t *graph.Tensor, pin *goruntime.Pinner) (*C.OrtValue, error) {
	var v *C.OrtValue
	switch {
	case t.Kind == graph.OptionalKind && len(t.Elems) == 1:
		return toValue(t.Elems[0], pin)
	case t.Kind == graph.SequenceKind, t.Kind == graph.MapKind && len(t.Elems) == 2:
		elems := cslice[*C.OrtValue](len(t.Elems))
		defer C.free(unsafe.Pointer(unsafe.SliceData(elems)))
		// The new value holds its own references to the elements.
		defer func() {
			for _, e := range elems {
				if e != nil {
					C.ax_value_release(e)
				}
			}
		}()
		for i, e := range t.Elems {
			var err error
			if elems[i], err = toValue(e, pin); err != nil {
				return nil, err
			}
		}
		kind := C.int(kindSequence)
		if t.Kind == graph.MapKind {
			kind = kindMap
		}
		return v, check(C.ax_value_make(unsafe.SliceData(elems), C.size_t(len(elems)), kind, &v))
	case t.Kind != graph.TensorKind:
		return nil, errs.New(errs.Input, "ONNX Runtime takes no %s", t)
	case t.DType == graph.String:
		return stringValue(t)
	}
	data := unsafe.SliceData(t.Raw)
	if len(t.Raw) > 0 {
		pin.Pin(data)
	}
	return v, check(C.ax_tensor(unsafe.Pointer(data), C.size_t(len(t.Raw)), cdims(t.Shape), C.size_t(len(t.Shape)),
		codeOf(t.DType), &v))
}

func cdims(shape []int64) *C.int64_t { return (*C.int64_t)(unsafe.SliceData(shape)) }

func stringValue(t *graph.Tensor) (*C.OrtValue, error) {
	var v *C.OrtValue
	if err := check(C.ax_string_tensor(cdims(t.Shape), C.size_t(len(t.Shape)), &v)); err != nil {
		return nil, err
	}
	for i, s := range t.Strings {
		if err := check(C.ax_string_set(v, C.size_t(i), (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s)))); err != nil {
			C.ax_value_release(v)
			return nil, err
		}
	}
	return v, nil
}

// absent reports whether t is what ONNX Runtime is to be told nothing of.
func absent(t *graph.Tensor) bool {
	return t == nil || t.Kind == graph.OptionalKind && len(t.Elems) == 0
}

// fromValue copies a value of ONNX Runtime into Go. want tells an optional from its content.
func fromValue(v *C.OrtValue, want *graph.Type) (*graph.Tensor, error) {
	if want != nil && want.Kind == graph.OptionalKind {
		var kind, has C.int
		if err := check(C.ax_value_kind(v, &kind, &has)); err != nil || has == 0 {
			return graph.Optional(nil), err
		}
		t, err := fromValue(v, want.Of)
		if err != nil {
			return nil, err
		}
		return graph.Optional(t), nil
	}
	var kind, has C.int
	if err := check(C.ax_value_kind(v, &kind, &has)); err != nil {
		return nil, err
	}
	switch {
	case has == 0:
		return graph.Optional(nil), nil
	case kind == kindTensor:
		return denseFromValue(v)
	case kind == kindSequence, kind == kindMap:
		t := &graph.Tensor{Kind: graph.SequenceKind}
		if kind == kindMap {
			t.Kind = graph.MapKind
		}
		var of *graph.Type
		if want != nil {
			of = want.Of
		}
		var n C.size_t
		if err := check(C.ax_value_count(v, &n)); err != nil {
			return nil, err
		}
		for i := range int(n) {
			var e *C.OrtValue
			if err := check(C.ax_value_at(v, C.int(i), &e)); err != nil {
				return nil, err
			}
			u, err := fromValue(e, of)
			C.ax_value_release(e)
			if err != nil {
				return nil, err
			}
			t.Elems = append(t.Elems, u)
		}
		return t, nil
	}
	return nil, errs.New(errs.Engine, "ONNX Runtime returned a value of kind %d, which has no counterpart", int(kind))
}

func denseFromValue(v *C.OrtValue) (*graph.Tensor, error) {
	var code C.int
	var rank C.size_t
	if err := check(C.ax_value_shape(v, &code, nil, 0, &rank)); err != nil {
		return nil, err
	}
	dims := make([]int64, rank)
	if rank > 0 {
		if err := check(C.ax_value_shape(v, &code, cdims(dims), rank, &rank)); err != nil {
			return nil, err
		}
	}
	d := dtypeOf(code)
	if n, ok := graph.NumElements(dims); !ok || !d.Valid() || n < 0 {
		return nil, errs.New(errs.Engine, "ONNX Runtime returned a tensor of type %s and shape %v", d, dims)
	}
	t := graph.NewTensor(d, dims...)
	if d == graph.String {
		return t, stringsFromValue(v, t.Strings)
	}
	var data unsafe.Pointer
	if err := check(C.ax_value_data(v, &data)); err != nil {
		return nil, err
	}
	if len(t.Raw) > 0 {
		copy(t.Raw, unsafe.Slice((*byte)(data), len(t.Raw)))
	}
	return t, nil
}

func stringsFromValue(v *C.OrtValue, into []string) error {
	if len(into) == 0 {
		return nil
	}
	var bytes C.size_t
	if err := check(C.ax_string_bytes(v, &bytes)); err != nil {
		return err
	}
	buf, offsets := make([]byte, bytes+1), make([]C.size_t, len(into)+1)
	err := check(C.ax_string_content(v, unsafe.Pointer(&buf[0]), bytes, &offsets[0], C.size_t(len(into))))
	if err != nil {
		return err
	}
	offsets[len(into)] = bytes
	for i := range into {
		into[i] = string(buf[offsets[i]:offsets[i+1]])
	}
	return nil
}
