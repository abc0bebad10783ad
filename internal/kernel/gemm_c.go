//go:build cgo && !purego

package kernel

import (
	"unsafe"

	"github.com/astronnx/astronnx/internal/kernel/c"
)

// gemmPath computes blocks of a product its own way.
type gemmPath[T Float] struct {
	c            c.Gemm
	strip, width int // the most rows of a strip; columns worked on together
}

func gemmPathOf[T Float](p Path) (gemmPath[T], bool) {
	g, ok := c.GemmPath(int(p), int(unsafe.Sizeof(T(0))))
	if !ok {
		return gemmPath[T]{}, false
	}
	return gemmPath[T]{g, g.MaxStrip(), g.Width()}, true
}

// strips packs m rows of a, k long: [m / strip][k][strip], the last strip as narrow as it is.
func (p gemmPath[T]) strips(m, k, strip int, a Matrix[T], to []T) {
	p.c.Strips(m, k, strip, a.RowStride, a.ColStride, unsafe.Pointer(unsafe.SliceData(a.Data)), unsafe.Pointer(unsafe.SliceData(to)))
}

// block adds alpha times the product of a block to its c.
func (p gemmPath[T]) block(b *block[T]) {
	p.c.Block(b.m, b.n, b.k, b.strip, b.b.RowStride, b.b.ColStride, unsafe.SliceData(b.b.RowAt), unsafe.SliceData(b.b.ColAt),
		b.c.RowStride, b.c.ColStride, unsafe.Pointer(unsafe.SliceData(b.a)), unsafe.Pointer(unsafe.SliceData(b.b.Data)),
		float64(b.alpha), unsafe.Pointer(unsafe.SliceData(b.c.Data)), unsafe.Pointer(unsafe.SliceData(b.scratch)))
}

// GemmVectors says whether Gemm computes with the processor's vectors; where it does not, gonum's BLAS may be faster.
func GemmVectors[T Float]() bool { return true }
