//go:build cgo && !purego

package c

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wall -Wextra
#cgo LDFLAGS: -lm
#include "internal.h"

extern void astronnxGoParallelFor(void *ctx, void *fn, size_t total, void *usr);

static void parallel_for(void *ctx, void (*fn)(void *, size_t), size_t total, void *usr) {
	astronnxGoParallelFor(ctx, (void *)fn, total, usr);
}

// Structs that hold pointers into Go memory are made on this side, where cgo allows them.
static int geom_new(int64_t p_in, int64_t p_out, const void *index, int index_bytes, const void *fills, int64_t n_fills,
                    int64_t tile, astronnx_conv_geom **out) {
	astronnx_conv_table t = {p_in, p_out, index, index_bytes, fills, n_fills, tile, 0, NULL};
	return conv_geom_new(&t, out);
}

static int run(const astronnx_conv_geom *g, const astronnx_conv_weights *w, int64_t n, const float *x, float *y,
               const uint8_t *mask, int mask_per_map, const float *scale, int scale_per_map, int fill_valid_mean, int path,
               int threads) {
	astronnx_conv_args a = {n, x, y, {0}, mask, mask_per_map, scale, scale_per_map, fill_valid_mean, path, threads,
	                        threads > 1 ? parallel_for : NULL, (void *)(intptr_t)threads};
	return conv_run(g, w, &a);
}

static int run_to_end(const astronnx_conv_geom *g, const astronnx_conv_weights *w, int64_t n, const float *x, float *y,
                      const float *scale, int relu, int pool, double factor, int path, int threads) {
	astronnx_conv_args a = {.n = n, .x = x, .y = y, .ending = {relu, pool, factor}, .scale = scale, .path = path, .threads = threads,
	                        .parallel_for = threads > 1 ? parallel_for : NULL, .ctx = (void *)(intptr_t)threads};
	return conv_run(g, w, &a);
}

static int weight_grad(const astronnx_conv_geom *g, int64_t n, int64_t co, int64_t ci, const float *x, const float *dy, float *dw,
                       int path, int threads) {
	astronnx_conv_weight_grad a = {n, co, ci, x, dy, dw, path, threads > 1 ? parallel_for : NULL, (void *)(intptr_t)threads};
	return conv_weight_grad(g, &a);
}
*/
import "C"

import "unsafe"

// ConvTable returns the address of the kernel's function table, an astronnx_healpix_conv_api of healpix_conv.h. It is static
// and read-only.
func ConvTable() unsafe.Pointer { return unsafe.Pointer(C.conv_table()) }

// Geom is an astronnx_conv_geom, Weights an astronnx_conv_weights.
type (
	Geom    struct{ p *C.astronnx_conv_geom }
	Weights struct{ p *C.astronnx_conv_weights }
)

// Info is astronnx_conv_info.
type Info struct{ Tiles, Patterns, Rows, Singles, Bytes int64 }

// NewGeom is geom_new; fills points to nFills astronnx_conv_fill. The second result is a status.
func NewGeom(in, out int64, index unsafe.Pointer, indexBytes int, fills unsafe.Pointer, nFills, tile int64) (Geom, int) {
	var p *C.astronnx_conv_geom
	s := C.geom_new(C.int64_t(in), C.int64_t(out), index, C.int(indexBytes), fills, C.int64_t(nFills),
		C.int64_t(tile), &p)
	return Geom{p}, int(s)
}

// Free is geom_free.
func (g Geom) Free() { C.conv_geom_free(g.p) }

// Info is geom_info.
func (g Geom) Info() Info {
	var i C.astronnx_conv_info
	C.conv_geom_info(g.p, &i)
	return Info{int64(i.tiles), int64(i.patterns), int64(i.rows), int64(i.singles), int64(i.bytes)}
}

// NewWeights is weights_new.
func NewWeights(co, ci int64, w, bias *float32) (Weights, int) {
	var p *C.astronnx_conv_weights
	s := C.conv_weights_new(C.int64_t(co), C.int64_t(ci), (*C.float)(w), (*C.float)(bias), &p)
	return Weights{p}, int(s)
}

// Free is weights_free.
func (w Weights) Free() { C.conv_weights_free(w.p) }

// Run is run with a parallel_for of `threads` goroutines.
func Run(g Geom, w Weights, n int64, x, y *float32, mask *bool, maskPerMap bool, scale *float32, scalePerMap bool,
	fillValidMean bool, path, threads int) int {
	return int(C.run(g.p, w.p, C.int64_t(n), (*C.float)(x), (*C.float)(y), (*C.uint8_t)(unsafe.Pointer(mask)), flag(maskPerMap),
		(*C.float)(scale), flag(scalePerMap), flag(fillValidMean), C.int(path), C.int(threads)))
}

// Ending is astronnx_conv_ending.
type Ending struct {
	Relu   bool
	Pool   int
	Factor float64
}

// RunToEnd is run with an ending, of maps without masks, and a scale for all of them.
func RunToEnd(g Geom, w Weights, n int64, x, y, scale *float32, e Ending, path, threads int) int {
	return int(C.run_to_end(g.p, w.p, C.int64_t(n), (*C.float)(x), (*C.float)(y), (*C.float)(scale), flag(e.Relu), C.int(e.Pool),
		C.double(e.Factor), C.int(path), C.int(threads)))
}

// WeightGrad is weight_grad with a parallel_for of `threads` goroutines.
func WeightGrad(g Geom, n, co, ci int64, x, dy, dw *float32, path, threads int) int {
	return int(C.weight_grad(g.p, C.int64_t(n), C.int64_t(co), C.int64_t(ci), (*C.float)(x), (*C.float)(dy), (*C.float)(dw),
		C.int(path), C.int(threads)))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// HasPath is has_path.
func HasPath(path int) bool { return C.conv_path(C.int(path)) != nil }

// Message is message.
func Message(status int) string { return C.GoString(C.conv_message(C.int(status))) }

// Peak measures the processor's arithmetic limit on a path, in GFLOP/s of one core; it takes some milliseconds.
func Peak(path int) float64 { return float64(C.conv_peak(C.int(path))) }
