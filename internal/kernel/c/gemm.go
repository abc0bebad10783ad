//go:build cgo && !purego

package c

/*
#include "gemm.h"

static void block(const gemm_path *p, int64_t m, int64_t n, int64_t k, int64_t strip, int64_t row, int64_t col, const int64_t *rows,
                  const int64_t *cols, int64_t c_row, int64_t c_col, const void *a, const void *b, double alpha, void *c,
                  void *scratch) {
	gemm_shape s = {m, n, k, strip, row, col, rows, cols, c_row, c_col};
	p->block(&s, a, b, alpha, c, scratch);
}

static void strips(const gemm_path *p, int64_t m, int64_t k, int64_t strip, int64_t row, int64_t col, const void *a, void *to) {
	gemm_shape s = {.m = m, .k = k, .strip = strip, .row = row, .col = col};
	p->strips(&s, a, to);
}
*/
import "C"

import "unsafe"

// Gemm is a gemm_path; the zero value is none.
type Gemm struct{ p *C.gemm_path }

// GemmPath is gemm_path_of.
func GemmPath(path, bytes int) (g Gemm, ok bool) {
	p := C.gemm_path_of(C.int(path), C.int(bytes))
	return Gemm{p}, p != nil
}

// MaxStrip and Width are max_strip and width.
func (g Gemm) MaxStrip() int { return int(g.p.max_strip) }
func (g Gemm) Width() int    { return int(g.p.width) }

// Block is block.
func (g Gemm) Block(m, n, k, strip, row, col int, rows, cols *int64, cRow, cCol int, a, b unsafe.Pointer, alpha float64,
	c, scratch unsafe.Pointer) {
	C.block(g.p, C.int64_t(m), C.int64_t(n), C.int64_t(k), C.int64_t(strip), C.int64_t(row), C.int64_t(col), (*C.int64_t)(rows),
		(*C.int64_t)(cols), C.int64_t(cRow), C.int64_t(cCol), a, b, C.double(alpha), c, scratch)
}

// Strips is strips.
func (g Gemm) Strips(m, k, strip, row, col int, a, to unsafe.Pointer) {
	C.strips(g.p, C.int64_t(m), C.int64_t(k), C.int64_t(strip), C.int64_t(row), C.int64_t(col), a, to)
}
