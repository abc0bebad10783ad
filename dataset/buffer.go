package dataset

import (
	"sync"

	"github.com/astronnx/astronnx/graph"
)

// buffer holds a batch and shows its samples one by one. It grows and never shrinks.
type buffer struct {
	fields  []Field
	full    [][]byte
	tensors []*graph.Tensor // [n, Shape...]
	views   []*graph.Tensor // of one sample
}

func newBuffer(fields []Field) *buffer {
	b := &buffer{fields: fields, full: make([][]byte, len(fields))}
	for _, f := range fields {
		b.tensors = append(b.tensors, &graph.Tensor{Name: f.Name, DType: f.DType, Shape: append([]int64{0}, f.Shape...)})
		b.views = append(b.views, &graph.Tensor{Name: f.Name, DType: f.DType, Shape: append([]int64{}, f.Shape...)})
	}
	return b
}

// batch returns tensors for n samples, with what was in them.
func (b *buffer) batch(n int) []*graph.Tensor {
	for i, t := range b.tensors {
		size := n * b.fields[i].bytes()
		if len(b.full[i]) < size {
			b.full[i] = graph.AlignedBytes(size)
		}
		t.Shape[0] = int64(n)
		t.Raw = b.full[i][:size:size]
	}
	return b.tensors
}

// sample returns tensors that view sample k of a batch. They hold until the next call.
func (b *buffer) sample(batch []*graph.Tensor, k int) []*graph.Tensor {
	for i, v := range b.views {
		size := b.fields[i].bytes()
		v.Raw = batch[i].Raw[k*size : (k+1)*size : (k+1)*size]
	}
	return b.views
}

// buffers keeps what Read needs for a moment, so that many goroutines can read without making garbage.
type buffers struct {
	fields []Field
	pool   sync.Pool
}

func (p *buffers) get() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		return b
	}
	return newBuffer(p.fields)
}

func (p *buffers) put(b *buffer) { p.pool.Put(b) }
