package reference

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// run executes the program. Inputs come in the order of the graph's; a nil one takes its default. ctx is checked before every node
// and by long kernels within. The results may share memory with the inputs, with constants and with each other.
//
// What a called function reads and returns is counted in mem by the caller's frame. A kernel that runs a subgraph keeps values
// where mem does not see them, so there pinned exempts inputs and results from reuse.
func (p *program) run(ctx context.Context, inputs, outer []*graph.Tensor, mem *pool, pinned bool) ([]*graph.Tensor, error) {
	if len(inputs) > len(p.inputs) {
		return nil, errs.New(errs.Input, "%d inputs, want at most %d", len(inputs), len(p.inputs))
	}
	frame := make([]*graph.Tensor, p.slots)
	for _, c := range p.presets {
		frame[c.slot] = c.value
	}
	for i, t := range inputs {
		if t == nil {
			continue
		}
		frame[p.inputs[i]] = t
		if pinned {
			mem.pin(t)
		}
		mem.hold(t)
	}
	for _, c := range p.capture {
		frame[c.inner] = outer[c.outer]
		mem.hold(outer[c.outer])
	}
	for i := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, errs.New(errs.Canceled, "%w", err)
		}
		if err := p.steps[i].run(ctx, i, frame, mem); err != nil {
			return nil, err
		}
	}
	out := make([]*graph.Tensor, len(p.outputs))
	for i, s := range p.outputs {
		out[i] = frame[s]
	}
	for _, t := range frame {
		mem.release(t)
	}
	if pinned {
		for _, t := range out {
			mem.pin(t)
		}
	}
	return out, nil
}

// ErrPanic is in the chain of the error that a run returns when a kernel panicked: always a fault of this program.
var ErrPanic = errors.New("the kernel panicked")

func (st *step) run(ctx context.Context, index int, frame []*graph.Tensor, mem *pool) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case overBudget:
			err = errs.New(errs.Limit, "the run needs more than the %d bytes it may hold", mem.limit)
		default:
			err = fmt.Errorf("%w: %v", ErrPanic, r)
		}
		if err != nil {
			err = st.wrap(index, err)
		}
	}()
	in := make([]*graph.Tensor, len(st.in))
	for i, s := range st.in {
		if s >= 0 {
			in[i] = frame[s]
		}
	}
	var out []*graph.Tensor
	outside := mem.fresh
	mem.fresh = nil
	if st.call != nil {
		out, err = st.call.run(ctx, in, nil, mem, false)
	} else {
		out, err = st.op.Eval(&ops.Call{
			Ctx: ctx, Node: st.node, Opset: st.opset, In: in, New: mem.alloc,
			Spent: func(t *graph.Tensor) bool { return st.spends(t, in, frame, mem) },
			Sub: func(g *graph.Graph, in []*graph.Tensor) ([]*graph.Tensor, error) {
				return st.bodies[g].run(ctx, in, frame, mem, true)
			},
		})
	}
	if err != nil {
		return err
	}
	for i, s := range st.out {
		if s < 0 {
			continue
		}
		if i >= len(out) || out[i] == nil {
			return fmt.Errorf("the kernel does not compute output %d", i)
		}
		if partOf(out[i], in) {
			return fmt.Errorf("output %d is a part of an input's memory: the kernel must copy it", i)
		}
		frame[s] = out[i]
		mem.hold(out[i])
	}
	mem.forget()
	mem.fresh = outside
	for _, s := range st.free {
		mem.drop(frame[s])
		frame[s] = nil
	}
	return nil
}

// spends reports whether the step is the last to read t's memory and reads it once.
func (st *step) spends(t *graph.Tensor, in, frame []*graph.Tensor, mem *pool) bool {
	p := unsafe.SliceData(t.Raw)
	slots, ours := mem.refs[p]
	if !ours {
		return false
	}
	reads := 0
	for _, x := range in {
		if x != nil && unsafe.SliceData(x.Raw) == p {
			reads++
		}
	}
	for _, s := range st.free {
		if x := frame[s]; x != nil && unsafe.SliceData(x.Raw) == p {
			slots--
		}
	}
	return reads == 1 && slots == 0
}

// partOf reports whether t lies in the memory of an input without being all of it, which the pool could not tell.
func partOf(t *graph.Tensor, in []*graph.Tensor) bool {
	if len(t.Raw) == 0 {
		return false
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(t.Raw)))
	for _, x := range in {
		if x == nil || len(x.Raw) == 0 {
			continue
		}
		from := uintptr(unsafe.Pointer(unsafe.SliceData(x.Raw)))
		if at >= from && at < from+uintptr(len(x.Raw)) && (at != from || len(t.Raw) != len(x.Raw)) {
			return true
		}
	}
	return false
}

func (st *step) wrap(index int, err error) error {
	if e, ok := err.(*errs.Error); ok && e.Node != "" {
		return err
	}
	code := errs.Engine
	if e, ok := err.(*errs.Error); ok {
		code = e.Code
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		code = errs.Canceled
	}
	e := errs.New(code, "%w", err)
	e.Op, e.Opset, e.Node = st.node.OpName(), st.opset, nodeLabel(index, st.node)
	return e
}

// pool hands out zeroed buffers and takes back those that no slot refers to any more. References are counted by the address of
// a buffer's first byte, so a view must begin where its buffer does (see [ops.Call]). What came from elsewhere is never taken back.
type pool struct {
	free  map[int][][]byte
	refs  map[*byte]int // buffers of this pool, with the number of slots that hold them
	fresh [][]byte      // handed out in the present step
	limit int64         // bytes that may be handed out and not taken back, 0: any number
	used  int64         // of them in use
	kept  int           // bytes in free
}

func newPool(limit int64) *pool {
	return &pool{free: map[int][][]byte{}, refs: map[*byte]int{}, limit: limit}
}

const (
	smallest = 1 << 12 // below, the garbage collector does better
	largest  = 1 << 30 // bytes kept for reuse at most
)

// overBudget is the panic that ends a step which asks for more memory than the run may hold.
type overBudget struct{}

func (m *pool) alloc(d graph.DType, shape ...int64) *graph.Tensor {
	n, ok := graph.NumElements(shape)
	size, ok2 := graph.ByteSize(d, n)
	if !ok || !ok2 || d == graph.String || size < smallest {
		return graph.NewTensor(d, shape...)
	}
	if m.limit > 0 && size > m.limit-m.used {
		panic(overBudget{})
	}
	var raw []byte
	if list := m.free[int(size)]; len(list) > 0 {
		raw = list[len(list)-1]
		m.free[int(size)] = list[:len(list)-1]
		m.kept -= int(size)
		clear(raw)
	} else {
		raw = graph.AlignedBytes(int(size))
	}
	m.used += size
	m.refs[unsafe.SliceData(raw)] = 0
	m.fresh = append(m.fresh, raw)
	return &graph.Tensor{DType: d, Shape: append([]int64{}, shape...), Raw: raw}
}

// hold counts a slot that refers to t. Elements of sequences are pinned instead.
func (m *pool) hold(t *graph.Tensor) {
	if t.Kind != graph.TensorKind {
		m.pin(t)
		return
	}
	if p := unsafe.SliceData(t.Raw); p != nil {
		if _, ours := m.refs[p]; ours {
			m.refs[p]++
		}
	}
}

// pin leaves a buffer to the garbage collector.
func (m *pool) pin(t *graph.Tensor) {
	if t == nil {
		return
	}
	if p := unsafe.SliceData(t.Raw); p != nil {
		if _, ours := m.refs[p]; ours {
			delete(m.refs, p)
			m.used -= int64(len(t.Raw))
		}
	}
	for _, e := range t.Elems {
		m.pin(e)
	}
}

// forget leaves what a kernel asked for and did not return to the garbage collector.
func (m *pool) forget() {
	for _, raw := range m.fresh {
		if n, ours := m.refs[unsafe.SliceData(raw)]; ours && n == 0 {
			delete(m.refs, unsafe.SliceData(raw))
			m.used -= int64(len(raw))
		}
	}
}

// release ends a slot's reference without taking the buffer back.
func (m *pool) release(t *graph.Tensor) {
	if t == nil || t.Kind != graph.TensorKind {
		return
	}
	if n, ours := m.refs[unsafe.SliceData(t.Raw)]; ours && n > 0 {
		m.refs[unsafe.SliceData(t.Raw)] = n - 1
	}
}

// drop ends a slot's reference and takes the buffer back after the last one.
func (m *pool) drop(t *graph.Tensor) {
	if t == nil || t.Kind != graph.TensorKind {
		return
	}
	p := unsafe.SliceData(t.Raw)
	n, ours := m.refs[p]
	switch {
	case !ours:
	case n > 1:
		m.refs[p] = n - 1
	default:
		delete(m.refs, p)
		m.used -= int64(len(t.Raw))
		if m.kept+len(t.Raw) <= largest {
			m.free[len(t.Raw)] = append(m.free[len(t.Raw)], t.Raw)
			m.kept += len(t.Raw)
		}
	}
}
