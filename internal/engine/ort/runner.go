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
	"github.com/astronnx/astronnx/internal/errs"
)

// runner is what one run at a time needs in C memory. The core keeps idle ones.
type runner struct {
	core   *core
	call   *C.ax_call
	in     []C.ax_arg // C memory
	out    []C.ax_arg
	inName []*C.char // C memory
	outNam []*C.char
	pin    goruntime.Pinner
	loose  []*C.OrtValue // values made outside ax_run: strings, sequences
	cancel canceler
}

func cslice[T any](n int) []T {
	var z T
	// One more, so that no pointer handed to C is NULL.
	return unsafe.Slice((*T)(C.calloc(C.size_t(n)+1, C.size_t(unsafe.Sizeof(z)))), n)
}

func (c *core) newRunner() (*runner, error) {
	r := &runner{core: c}
	if err := r.cancel.init(c); err != nil {
		c.users-- // get holds the lock
		return nil, err
	}
	r.call = (*C.ax_call)(C.calloc(1, C.sizeof_ax_call))
	r.in, r.out = cslice[C.ax_arg](len(c.in)), cslice[C.ax_arg](len(c.out))
	r.inName, r.outNam = cslice[*C.char](len(c.in)), cslice[*C.char](len(c.out))
	r.call.session, r.call.options = c.session, r.cancel.options
	r.call.in, r.call.out = unsafe.SliceData(r.in), unsafe.SliceData(r.out)
	r.call.in_names, r.call.out_names = unsafe.SliceData(r.inName), unsafe.SliceData(r.outNam)
	r.call.in_values = unsafe.SliceData(cslice[*C.OrtValue](len(c.in)))
	r.call.out_values = unsafe.SliceData(cslice[*C.OrtValue](len(c.out)))
	return r, nil
}

func (r *runner) free() {
	c := r.call
	for _, p := range []unsafe.Pointer{unsafe.Pointer(c.in), unsafe.Pointer(c.out), unsafe.Pointer(c.in_names),
		unsafe.Pointer(c.out_names), unsafe.Pointer(c.in_values), unsafe.Pointer(c.out_values), unsafe.Pointer(c)} {
		C.free(p)
	}
	r.cancel.free()
}

func (r *runner) run(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor) error {
	predicted, err := r.attempt(ctx, in, want, out, true)
	if err == nil || !predicted || ctx.Err() != nil {
		return err
	}
	// The model may have declared a wrong shape for an output: let the engine allocate, and remember if that was it.
	if _, again := r.attempt(ctx, in, want, out, false); again != nil {
		return err
	}
	for k, t := range out {
		p := &r.core.sizes[output(want, k)]
		if p.known && !p.matches(t, in) {
			p.wrong.Store(true)
		}
	}
	return nil
}

func (p *prediction) matches(t *graph.Tensor, in []*graph.Tensor) bool {
	var room [C.ax_max_rank]int64
	dims := p.shape(room[:0], in)
	if len(dims) != len(t.Shape) || t.DType != p.dtype {
		return false
	}
	for i, d := range dims {
		if d != t.Shape[i] {
			return false
		}
	}
	return true
}

func output(want []int, k int) int {
	if want == nil {
		return k
	}
	return want[k]
}

// attempt runs once. It says whether it chose the memory of an output from the output's predicted shape.
func (r *runner) attempt(ctx context.Context, in []*graph.Tensor, want []int, out []*graph.Tensor, predict bool) (predicted bool, err error) {
	c := r.core
	defer r.reset()
	n := 0
	for i, t := range in {
		if absent(t) {
			continue
		}
		if err := r.bind(&r.in[n], t); err != nil {
			return false, err
		}
		r.inName[n] = c.inNames[i]
		n++
	}
	r.call.nin, r.call.nout = C.size_t(n), C.size_t(len(out))
	var made [8]*graph.Tensor
	fresh := made[:0]
	for k, t := range out {
		i := output(want, k)
		p := &c.sizes[i]
		r.outNam[k] = c.outNames[i]
		r.out[k] = C.ax_arg{}
		if t == nil && predict && p.known && !p.wrong.Load() {
			var room [C.ax_max_rank]int64
			t = newTensor(p.dtype, p.shape(room[:0], in))
			predicted = predicted || t != nil
		}
		fresh = append(fresh, t)
		if t != nil {
			if err := r.bind(&r.out[k], t); err != nil {
				return false, err
			}
		}
	}
	if err := r.cancel.watch(ctx); err != nil {
		return false, err
	}
	err = check(C.ax_run(r.call))
	r.cancel.unwatch()
	if end := ended(ctx); end != nil {
		return predicted, end
	}
	if err != nil {
		return predicted, err
	}
	for k := range out {
		if fresh[k] == nil {
			if fresh[k], err = r.take(&r.out[k], output(want, k)); err != nil {
				return predicted, err
			}
		}
	}
	copy(out, fresh)
	return predicted, nil
}

func (r *runner) reset() {
	r.pin.Unpin()
	C.ax_run_release(r.call)
	for _, v := range r.loose {
		C.ax_value_release(v)
	}
	r.loose = r.loose[:0]
}

// bind makes a the tensor t: over its memory, or for strings and the like a value of its own.
func (r *runner) bind(a *C.ax_arg, t *graph.Tensor) error {
	if t.Kind != graph.TensorKind || t.DType == graph.String || len(t.Shape) > C.ax_max_rank {
		v, err := toValue(t, &r.pin)
		if err != nil {
			return err
		}
		*a = C.ax_arg{value: v, origin: C.ax_caller}
		r.loose = append(r.loose, v)
		return nil
	}
	setArg(a, t, &r.pin)
	return nil
}

func setArg(a *C.ax_arg, t *graph.Tensor, pin *goruntime.Pinner) {
	data := unsafe.SliceData(t.Raw)
	if len(t.Raw) > 0 {
		pin.Pin(data)
	}
	a.data, a.bytes = C.uintptr_t(uintptr(unsafe.Pointer(data))), C.size_t(len(t.Raw))
	a.rank, a._type = C.size_t(len(t.Shape)), codeOf(t.DType)
	for i, d := range t.Shape {
		a.dims[i] = C.int64_t(d)
	}
	a.value, a.origin = nil, C.ax_memory_of_caller
}

// take copies what the engine allocated into Go memory. A view would be faster for large results of unpredictable shape, but
// nothing could keep its memory alive for a slice that outlives the tensor, and the collector would not see its size.
func (r *runner) take(a *C.ax_arg, i int) (*graph.Tensor, error) {
	if t := r.core.out[i].Type; a._type == 0 || t != nil && t.Kind != graph.TensorKind {
		return fromValue(a.value, t)
	}
	var room [C.ax_max_rank]int64
	dims := room[:a.rank]
	for k := range dims {
		dims[k] = int64(a.dims[k])
	}
	t := newTensor(dtypeOf(a._type), dims)
	if t == nil {
		return nil, errs.New(errs.Engine, "output %q has shape %v", r.core.out[i].Name, dims)
	}
	copy(t.Raw, unsafe.Slice((*byte)(a.from), len(t.Raw)))
	return t, nil
}

// newTensor returns a tensor of zeros in at most two allocations; nil if the shape is no shape.
func newTensor(d graph.DType, shape []int64) *graph.Tensor {
	n, ok := graph.NumElements(shape)
	size, ok2 := graph.ByteSize(d, n)
	if !ok || !ok2 || !d.Valid() {
		return nil
	}
	if size <= 64 && len(shape) <= 4 {
		b := new(struct {
			t    graph.Tensor
			dims [4]int64
			data [8]uint64
		})
		copy(b.dims[:], shape)
		b.t = graph.Tensor{DType: d, Shape: b.dims[:len(shape):len(shape)]}
		b.t.Raw = unsafe.Slice((*byte)(unsafe.Pointer(&b.data)), size)
		return &b.t
	}
	b := new(struct {
		t    graph.Tensor
		dims [C.ax_max_rank]int64
	})
	dims := append(b.dims[:0], shape...)
	b.t = graph.Tensor{DType: d, Shape: dims, Raw: graph.AlignedBytes(int(size))}
	return &b.t
}

// canceler stops a run when its context ends. ONNX Runtime looks at the order between two nodes.
type canceler struct {
	options *C.OrtRunOptions
	ctx     context.Context
	fire    func()
	fired   chan struct{}
	stop    func() bool
}

func (k *canceler) init(c *core) error {
	if err := check(C.ax_options(&k.options)); err != nil {
		return err
	}
	for key, value := range c.options.RunConfig {
		ckey, cvalue := C.CString(key), C.CString(value)
		err := check(C.ax_options_config(k.options, ckey, cvalue))
		C.free(unsafe.Pointer(ckey))
		C.free(unsafe.Pointer(cvalue))
		if err != nil {
			k.free()
			return err
		}
	}
	k.fired = make(chan struct{}, 1)
	k.fire = func() {
		check(C.ax_terminate(k.options, 1))
		k.fired <- struct{}{}
	}
	return nil
}

func (k *canceler) free() {
	k.unwatch()
	C.ax_options_release(k.options)
}

// watch arranges for ctx's end to stop the run. A context that was watched last and still is costs nothing.
func (k *canceler) watch(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	done := ctx.Done()
	if k.ctx != nil && k.ctx.Done() == done {
		return nil
	}
	k.unwatch()
	if done != nil {
		k.ctx, k.stop = ctx, context.AfterFunc(ctx, k.fire)
	}
	return nil
}

func (k *canceler) unwatch() {
	if k.ctx == nil {
		return
	}
	if !k.stop() {
		<-k.fired
		check(C.ax_terminate(k.options, 0))
	}
	k.ctx, k.stop = nil, nil
}
