package sky

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/astronnx/astronnx/graph"
)

// chunkSize is the number of bytes that one read takes from a file: enough to hide the call, little enough to stay in cache.
const chunkSize = 1 << 19

// readColumns reads fields of a binary table, each into a tensor of rows · repeat elements.
//
// The rows are read in chunks of many, or in pieces of one where a row is long, by all cores; every chunk's columns are picked
// out and their bytes swapped while they are in cache.
func readColumns(src source, h *hdu, fields []field) ([]*graph.Tensor, error) {
	rowSize, rows := h.axes[0], h.axes[1]
	out := make([]*graph.Tensor, len(fields))
	for i, f := range fields {
		out[i] = graph.NewTensor(f.dtype, rows*f.repeat)
	}
	if rowSize == 0 {
		return out, nil
	}
	if rowSize <= chunkSize {
		perChunk := chunkSize / rowSize
		return out, inChunks(rows, perChunk, func(buf []byte, lo, hi int64) error {
			buf = buf[:(hi-lo)*rowSize]
			if err := src.readAt(buf, h.offset+lo*rowSize); err != nil {
				return err
			}
			for i, f := range fields {
				f.decode(out[i], lo*f.repeat, (hi-lo)*f.repeat, buf[f.offset:], int(f.repeat), int(rowSize))
			}
			return nil
		})
	}
	for i, f := range fields {
		for row := range rows {
			at := h.offset + row*rowSize + f.offset
			err := inChunks(f.repeat, chunkSize/f.width, func(buf []byte, lo, hi int64) error {
				buf = buf[:(hi-lo)*f.width]
				if err := src.readAt(buf, at+lo*f.width); err != nil {
					return err
				}
				f.decode(out[i], row*f.repeat+lo, hi-lo, buf, int(hi-lo), len(buf))
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// inChunks calls f on consecutive ranges of [0, n), on all cores, with a buffer of chunkSize bytes. The first error ends it.
func inChunks(n, chunk int64, f func(buf []byte, lo, hi int64) error) error {
	workers := min(int64(runtime.GOMAXPROCS(0)), (n+chunk-1)/chunk)
	var next atomic.Int64
	var failed atomic.Bool
	var first error
	var once sync.Once
	work := func() {
		buf := make([]byte, chunkSize)
		for !failed.Load() {
			lo := next.Add(chunk) - chunk
			if lo >= n {
				return
			}
			if err := f(buf, lo, min(lo+chunk, n)); err != nil {
				once.Do(func() { first = err })
				failed.Store(true)
			}
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(work)
	}
	wg.Wait()
	return first
}

// decode converts n stored elements to elements at, at+1, … of t. In src, repeat elements stand together and such groups are
// stride bytes apart.
func (f *field) decode(t *graph.Tensor, at, n int64, src []byte, repeat, stride int) {
	if n == 0 {
		return
	}
	if f.scaled {
		f.decodeScaled(graph.Data[float64](t)[at:at+n], src, repeat, stride)
		return
	}
	raw := t.Raw[at*f.width : (at+n)*f.width]
	switch f.width {
	case 1:
		f.decodeBytes(raw, src, repeat, stride)
	case 2:
		gather(view[uint16](raw), src, repeat, stride, flipBit[uint16](f.flip))
	case 4:
		gather(view[uint32](raw), src, repeat, stride, flipBit[uint32](f.flip))
	case 8:
		gather(view[uint64](raw), src, repeat, stride, flipBit[uint64](f.flip))
	}
}

type word interface{ uint16 | uint32 | uint64 }

// view returns aligned bytes as words.
func view[T word](raw []byte) []T {
	return graph.Data[T](&graph.Tensor{DType: graph.DTypeOf[T](), Raw: raw})
}

// flipBit returns the sign bit, or 0 if it is not to be inverted.
func flipBit[T word](flip bool) T {
	if !flip {
		return 0
	}
	return ^(^T(0) >> 1)
}

// gather fills dst with big-endian words, each exclusive-or flip.
func gather[T word](dst []T, src []byte, repeat, stride int, flip T) {
	size := int(unsafe.Sizeof(flip))
	for ; len(dst) > 0; dst = dst[repeat:] {
		group := dst[:repeat]
		from := src[:repeat*size]
		switch size {
		case 2:
			for i := range group {
				group[i] = T(binary.BigEndian.Uint16(from[2*i:])) ^ flip
			}
		case 4:
			for i := range group {
				group[i] = T(binary.BigEndian.Uint32(from[4*i:])) ^ flip
			}
		case 8:
			for i := range group {
				group[i] = T(binary.BigEndian.Uint64(from[8*i:])) ^ flip
			}
		}
		src = src[min(stride, len(src)):]
	}
}

// scatter is the inverse of gather: it writes words, exclusive-or flip, in big-endian order.
func scatter[T word](dst []byte, src []T, repeat, stride int, flip T) {
	size := int(unsafe.Sizeof(flip))
	for ; len(src) > 0; src = src[repeat:] {
		group := src[:repeat]
		to := dst[:repeat*size]
		switch size {
		case 2:
			for i, v := range group {
				binary.BigEndian.PutUint16(to[2*i:], uint16(v^flip))
			}
		case 4:
			for i, v := range group {
				binary.BigEndian.PutUint32(to[4*i:], uint32(v^flip))
			}
		case 8:
			for i, v := range group {
				binary.BigEndian.PutUint64(to[8*i:], uint64(v^flip))
			}
		}
		dst = dst[min(stride, len(dst)):]
	}
}

func (f *field) decodeBytes(dst, src []byte, repeat, stride int) {
	for ; len(dst) > 0; dst = dst[repeat:] {
		group := dst[:repeat]
		copy(group, src)
		for i, b := range group {
			switch {
			case f.code == 'L':
				group[i] = 0
				if b == 'T' {
					group[i] = 1
				}
			case f.flip:
				group[i] = b ^ 0x80
			}
		}
		src = src[min(stride, len(src)):]
	}
}

// decodeScaled writes zero + scale · stored, and f.absent for f.null.
func (f *field) decodeScaled(dst []float64, src []byte, repeat, stride int) {
	for ; len(dst) > 0; dst = dst[repeat:] {
		for i := range repeat {
			at := src[i*int(f.width):]
			var v float64
			var n int64
			switch f.code {
			case 'B':
				n = int64(at[0])
			case 'I':
				n = int64(int16(binary.BigEndian.Uint16(at)))
			case 'J':
				n = int64(int32(binary.BigEndian.Uint32(at)))
			case 'K':
				n = int64(binary.BigEndian.Uint64(at))
			case 'E':
				v = float64(math.Float32frombits(binary.BigEndian.Uint32(at)))
			case 'D':
				v = math.Float64frombits(binary.BigEndian.Uint64(at))
			}
			dst[i] = f.zero + f.scale*(v+float64(n))
			if f.null != nil && n == *f.null {
				dst[i] = f.absent
			}
		}
		src = src[min(stride, len(src)):]
	}
}
