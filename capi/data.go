//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
// int32_t callRead(astronnx_read read, void *user, int64_t *index, size_t n, astronnx_tensor *batch, size_t n_fields);
import "C"

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	ort "github.com/astronnx/astronnx/runtime"
)

// mostSamples bounds the samples of a callback: their order is kept in memory.
const mostSamples = 1 << 30

// dataOf views the caller's samples, those of ports. Its callbacks take turns with all that have the same turn; memory is what they
// are told in.
func dataOf(what string, d *C.astronnx_data, ports []ort.Info, turn *sync.Mutex, m *memory) (dataset.Dataset, error) {
	switch {
	case d == nil:
		return nil, errs.New(errs.Input, "%s is NULL", what)
	case d.size != C.sizeof_astronnx_data:
		return nil, wrongSize(what, d.size, C.sizeof_astronnx_data, "astronnx_data")
	case d.fields == nil:
		return nil, errs.New(errs.Input, "%s.fields is NULL", what)
	case uint64(d.n_fields) != uint64(len(ports)):
		return nil, errs.New(errs.Input, "%s has %d fields: expected %d, %s", what, uint64(d.n_fields), len(ports), namesOf(ports))
	}
	var tensors []*graph.Tensor
	samples := int64(0)
	for k, c := range unsafe.Slice(d.fields, len(ports)) {
		at := portOf(&c, k, ports)
		if at < 0 {
			return nil, errs.New(errs.Input, "%s: no field is called %q: expected %s", what, C.GoString(c.name), namesOf(ports))
		}
		t, n, err := fieldOf(&c, d.read != nil)
		if err != nil {
			err.Err = fmt.Errorf("%s: field %q: %w", what, ports[at].Name, err.Err)
			return nil, err
		}
		t.Name = ports[at].Name
		if slices.ContainsFunc(tensors, func(o *graph.Tensor) bool { return o.Name == t.Name }) {
			return nil, errs.New(errs.Input, "%s: field %q is given twice", what, t.Name)
		}
		if k == 0 {
			samples = n
		}
		if n != samples {
			return nil, errs.New(errs.Input, "%s: field %q has %d samples, field %q has %d", what, t.Name, n, tensors[0].Name, samples)
		}
		tensors = append(tensors, t)
	}
	if d.read == nil {
		return dataset.Memory(tensors...)
	}
	if samples > mostSamples {
		return nil, errs.New(errs.Input, "%s: %d samples: expected at most %d", what, samples, mostSamples)
	}
	return newSource(d, tensors, int(samples), turn, m), nil
}

// wrongSize is the error of a struct whose first member is not its size.
func wrongSize(what string, got, want C.size_t, name string) error {
	return errs.New(errs.Input, "%s.size is %d, expected %d", what, uint64(got), uint64(want)).WithHint(
		"set it to sizeof(%s), and compile with this library's header", name)
}

func namesOf(ports []ort.Info) string {
	text := ""
	for i, p := range ports {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", p.Name)
	}
	return text
}

// fieldOf views a field, and returns its number of samples. What a callback is to give is described without its samples.
func fieldOf(c *C.astronnx_tensor, given bool) (*graph.Tensor, int64, *errs.Error) {
	if c.rank < 1 || c.rank > mostAxes || c.dims == nil {
		return nil, 0, errs.New(errs.Input, "rank is %d, or dims is NULL: expected a first axis that counts samples", c.rank)
	}
	if c.dtype == C.ASTRONNX_STRING {
		return nil, 0, errs.New(errs.Input, "elements are strings: expected numbers")
	}
	n := int64(*c.dims)
	if !given {
		t, err := tensorOf(c)
		return t, n, err
	}
	if c.data != nil {
		return nil, 0, errs.New(errs.Input, "data is not NULL, and there is a callback to read").WithHint("give one of the two")
	}
	if n < 0 {
		return nil, 0, errs.New(errs.Input, "%d samples", n)
	}
	dims := append([]C.int64_t(nil), unsafe.Slice(c.dims, int(c.rank))...)
	dims[0] = 0
	t, err := tensorOf(&C.astronnx_tensor{dtype: c.dtype, rank: c.rank, dims: unsafe.SliceData(dims)})
	return t, n, err
}

// source is a dataset whose samples a callback gives.
type source struct {
	fields  []dataset.Field
	samples int
	read    C.astronnx_read
	user    unsafe.Pointer

	turn  *sync.Mutex
	batch []C.astronnx_tensor // one a field, in C memory
	ended *ended              // by the callback
}

// ended says what a callback returned to end the run.
type ended struct {
	refusal
	code C.int32_t
}

func (e *ended) Unwrap() error { return &e.refusal }

func newSource(d *C.astronnx_data, like []*graph.Tensor, samples int, turn *sync.Mutex, m *memory) *source {
	s := &source{samples: samples, read: d.read, user: d.user, turn: turn, batch: array[C.astronnx_tensor](m, len(like))}
	for i, t := range like {
		s.fields = append(s.fields, dataset.Field{Name: t.Name, DType: t.DType, Shape: t.Shape[1:]})
		dims := array[C.int64_t](m, len(t.Shape))
		for k, n := range t.Shape {
			dims[k] = C.int64_t(n)
		}
		s.batch[i] = C.astronnx_tensor{name: m.text(t.Name), dtype: C.int32_t(t.DType), rank: C.int32_t(len(dims)), dims: unsafe.SliceData(dims)}
	}
	return s
}

func (s *source) Len() int                { return s.samples }
func (s *source) Fields() []dataset.Field { return s.fields }

func (s *source) Read(ctx context.Context, index []int, into []*graph.Tensor) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	switch {
	case s.ended != nil: // it is not asked again
		return s.ended
	case ctx.Err() != nil:
		return ctx.Err()
	}
	var pin goruntime.Pinner
	defer pin.Unpin()
	for i, t := range into {
		b := &s.batch[i]
		*b.dims = C.int64_t(len(index))
		b.data, b.bytes = pinned(&pin, t.Raw), C.size_t(len(t.Raw))
	}
	numbers := make([]C.int64_t, len(index))
	for k, i := range index {
		numbers[k] = C.int64_t(i)
	}
	code := C.callRead(s.read, s.user, unsafe.SliceData(numbers), C.size_t(len(index)), unsafe.SliceData(s.batch), C.size_t(len(s.batch)))
	if code != 0 {
		s.ended = &ended{code: code, refusal: refusal{C.ASTRONNX_CALLBACK,
			fmt.Sprintf("the data callback returned %d when asked for sample %d and %d more", code, index[0], len(index)-1)}}
		return s.ended
	}
	return nil
}
