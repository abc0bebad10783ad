//go:build amd64 && !cgo && !purego

package kernel

import "golang.org/x/sys/cpu"

// Each adds alpha times the product of a, k x rows with `strip` elements from row to row, and b, k x 16, to c. k is at least 1.
//
//go:noescape
func tile6(k, strip int, a, b, c *float32, cStride int, alpha float32)

//go:noescape
func tile4(k, strip int, a, b, c *float32, cStride int, alpha float32)

//go:noescape
func tile2(k, strip int, a, b, c *float32, cStride int, alpha float32)

//go:noescape
func tile1(k, strip int, a, b, c *float32, cStride int, alpha float32)

// vectors returns the path of the processor's vectors, if they are wide enough.
func vectors[T Float]() (gemmPath[T], bool) {
	tile, single := any(vectorTile).(func(rows, k, strip int, alpha T, a, b, c []T, cStride int) int)
	return gemmPath[T]{strip: 6, width: 16, tile: tile}, single && cpu.X86.HasAVX2 && cpu.X86.HasFMA
}

func vectorTile(rows, k, strip int, alpha float32, a, b, c []float32, cStride int) int {
	n, tile := 1, tile1
	switch {
	case rows >= 6:
		n, tile = 6, tile6
	case rows >= 4:
		n, tile = 4, tile4
	case rows >= 2:
		n, tile = 2, tile2
	}
	_, _, _ = a[(k-1)*strip+n-1], b[k*16-1], c[(n-1)*cStride+15]
	tile(k, strip, &a[0], &b[0], &c[0], cStride, alpha)
	return n
}
