package reference

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// Run executes the plan. Inputs come in the order of the graph's; a nil one takes its default. ctx is checked before every node
// and by long kernels within. The results may share memory with the inputs and with constants: treat them as read-only.
func (p *Plan) Run(ctx context.Context, inputs []*graph.Tensor) ([]*graph.Tensor, error) {
	return p.run(ctx, inputs, nil, &pool{free: map[int][][]byte{}, refs: map[*byte]int{}})
}

func (p *Plan) run(ctx context.Context, inputs []*graph.Tensor, outer []*graph.Tensor, mem *pool) ([]*graph.Tensor, error) {
	if len(inputs) > len(p.inputs) {
		return nil, errs.New(errs.Input, "%d inputs, want at most %d", len(inputs), len(p.inputs))
	}
	frame := make([]*graph.Tensor, p.slots)
	for _, c := range p.presets {
		frame[c.slot] = c.value
		mem.pin(c.value)
	}
	for i, t := range inputs {
		if t != nil {
			frame[p.inputs[i]] = t
			mem.pin(t)
		}
	}
	for _, c := range p.capture {
		frame[c.inner] = outer[c.outer]
		mem.pin(outer[c.outer])
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
		mem.pin(out[i])
	}
	return out, nil
}

func (st *step) run(ctx context.Context, index int, frame []*graph.Tensor, mem *pool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
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
	if st.call != nil {
		out, err = st.call.run(ctx, in, nil, mem)
	} else {
		out, err = st.op.Eval(&ops.Call{
			Ctx: ctx, Node: st.node, Opset: st.opset, In: in, New: mem.alloc,
			Sub: func(g *graph.Graph, in []*graph.Tensor) ([]*graph.Tensor, error) {
				return st.bodies[g].run(ctx, in, frame, mem)
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
		frame[s] = out[i]
		mem.hold(out[i])
	}
	for _, s := range st.free {
		mem.drop(frame[s])
		frame[s] = nil
	}
	return nil
}

func (st *step) wrap(index int, err error) error {
	if e, ok := err.(*errs.Error); ok && e.Node != "" {
		return err
	}
	code := errs.Engine
	if e, ok := err.(*errs.Error); ok {
		code = e.Code
	}
	e := errs.New(code, "%w", err)
	e.Op, e.Opset, e.Node = st.node.OpName(), st.opset, nodeLabel(index, st.node)
	return e
}

// pool hands out zeroed buffers and takes back those that no slot refers to any more. Views share a buffer, so references are
// counted by its address; what came from elsewhere, or left as a result, is never taken back.
type pool struct {
	free  map[int][][]byte
	refs  map[*byte]int // buffers of this pool that slots hold
	bytes int
}

const (
	smallest = 1 << 12 // below, the garbage collector does better
	largest  = 1 << 30 // bytes kept for reuse at most
)

func (m *pool) alloc(d graph.DType, shape ...int64) *graph.Tensor {
	n, ok := graph.NumElements(shape)
	size, ok2 := graph.ByteSize(d, n)
	if !ok || !ok2 || d == graph.String || size < smallest || len(m.free[int(size)]) == 0 {
		t := graph.NewTensor(d, shape...)
		if len(t.Raw) >= smallest {
			m.refs[unsafe.SliceData(t.Raw)] = 0
		}
		return t
	}
	list := m.free[int(size)]
	raw := list[len(list)-1]
	m.free[int(size)] = list[:len(list)-1]
	m.bytes -= int(size)
	clear(raw)
	m.refs[unsafe.SliceData(raw)] = 0
	return &graph.Tensor{DType: d, Shape: append([]int64{}, shape...), Raw: raw}
}

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

// pin forgets a buffer, so that it is never reused.
func (m *pool) pin(t *graph.Tensor) {
	if t == nil {
		return
	}
	delete(m.refs, unsafe.SliceData(t.Raw))
	for _, e := range t.Elems {
		m.pin(e)
	}
}

func (m *pool) drop(t *graph.Tensor) {
	if t == nil || t.Kind != graph.TensorKind {
		return
	}
	p := unsafe.SliceData(t.Raw)
	n, ours := m.refs[p]
	if !ours {
		return
	}
	if n > 1 {
		m.refs[p] = n - 1
		return
	}
	delete(m.refs, p)
	if m.bytes+len(t.Raw) <= largest {
		m.free[len(t.Raw)] = append(m.free[len(t.Raw)], t.Raw)
		m.bytes += len(t.Raw)
	}
}
