//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
// #include <stdlib.h>
import "C"

import (
	"encoding/binary"
	goruntime "runtime"
	"slices"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	yalue "github.com/yalue/onnxruntime_go"
)

// shared is the size in bytes from which on a constant is not serialised: ONNX Runtime reads it where it is. It must see smaller
// ones at once, since shapes follow from them, and protobuf ends at 2 GiB.
const shared = 1 << 16

// weights are a model's large constants as values of ONNX Runtime over the graph's own memory, pinned as long as a session may read
// them.
type weights struct {
	shared []*graph.Value
	names  []*C.char // C memory
	values []*C.OrtValue
	pin    goruntime.Pinner
}

// split takes the large constants of the main graph out of a shallow copy of m.
func split(m *graph.Model) (rest *graph.Model, w *weights) {
	w = &weights{}
	g := *m.Graph
	g.Initializers = nil
	for _, v := range m.Graph.Initializers {
		if t := v.Const; t != nil && len(t.Raw) >= shared && t.DType.Bits() >= 8 && t.Check() == nil && !slices.Contains(g.Inputs, v) {
			w.shared = append(w.shared, v)
			w.names = append(w.names, C.CString(v.Name))
			continue
		}
		g.Initializers = append(g.Initializers, v)
	}
	r := *m
	r.Graph = &g
	return &r, w
}

// marshal returns rest as bytes with the constants as named places without bytes.
func (w *weights) marshal(rest *graph.Model) ([]byte, error) {
	data, err := onnxio.Marshal(rest)
	if err != nil {
		return nil, err
	}
	var stubs []byte
	for _, v := range w.shared {
		stubs = appendBytes(stubs, graphInitializer, tensorStub(v.Name, v.Const))
	}
	// Of a message that stands twice protobuf takes the union.
	return appendBytes(data, modelGraph, stubs), nil
}

// copyOf returns a copy of rest that may be changed. In it the constants are values without a producer.
func (w *weights) copyOf(rest *graph.Model) (*graph.Model, error) {
	g := *rest.Graph
	for _, v := range w.shared {
		g.Inputs = append(slices.Clip(g.Inputs), &graph.Value{Name: v.Name, Type: graph.TypeOf(v.Const)})
	}
	r := *rest
	r.Graph = &g
	data, err := onnxio.Marshal(&r)
	if err != nil {
		return nil, err
	}
	m, err := onnxio.Load(data, onnxio.Options{})
	if err != nil {
		return nil, err
	}
	m.Graph.Inputs = m.Graph.Inputs[:len(rest.Graph.Inputs)]
	return m, nil
}

// Field numbers of ONNX's messages, and the wire types of protobuf.
const (
	modelGraph       = 7
	graphInitializer = 5
	tensorDims       = 1
	tensorType       = 2
	tensorName       = 8
	tensorExternal   = 13
	tensorLocation   = 14
	entryKey         = 1
	entryValue       = 2

	varint, delimited = 0, 2
)

// tensorStub is a TensorProto that says that its bytes are elsewhere.
func tensorStub(name string, t *graph.Tensor) []byte {
	var b []byte
	for _, d := range t.Shape {
		b = appendInt(b, tensorDims, uint64(d))
	}
	b = appendInt(b, tensorType, uint64(t.DType))
	b = appendBytes(b, tensorName, []byte(name))
	place := appendBytes(appendBytes(nil, entryKey, []byte("location")), entryValue, []byte("memory"))
	b = appendBytes(b, tensorExternal, place)
	return appendInt(b, tensorLocation, 1)
}

func appendInt(b []byte, field, x uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3|varint), x)
}

func appendBytes(b []byte, field uint64, x []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(b, field<<3|delimited), uint64(len(x))), x...)
}

// add hands the constants to the session's options. The session reads them until it is destroyed.
func (w *weights) add(s *yalue.SessionOptions) error {
	if len(w.names) == 0 {
		return nil
	}
	for _, c := range w.shared[len(w.values):] {
		v, err := toValue(c.Const, &w.pin)
		if err != nil {
			return err
		}
		w.values = append(w.values, v)
	}
	names, values := cslice[*C.char](len(w.names)), cslice[*C.OrtValue](len(w.values))
	defer C.free(unsafe.Pointer(unsafe.SliceData(names)))
	defer C.free(unsafe.Pointer(unsafe.SliceData(values)))
	copy(names, w.names)
	copy(values, w.values)
	return check(C.ax_initializers(optionsPointer(s), unsafe.SliceData(names), unsafe.SliceData(values), C.size_t(len(names))))
}

// free releases the constants, after the session.
func (w *weights) free() {
	for _, v := range w.values {
		C.ax_value_release(v)
	}
	for _, name := range w.names {
		C.free(unsafe.Pointer(name))
	}
	w.pin.Unpin()
	w.shared, w.names, w.values = nil, nil, nil
}
