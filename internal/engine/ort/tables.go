//go:build cgo && !purego && (linux || darwin)

package ort

// #include "customop.h"
// #include <stdlib.h>
import "C"

import (
	"crypto/sha256"
	"fmt"
	"unsafe"

	"github.com/astronnx/astronnx/healpix"
)

// tables are the convolution geometries in use, shared by every kernel that reads its input in the same way: a network has few of
// them and many layers.
var tables cache[tableKey, *C.ax_table]

type tableKey struct {
	spec          convSpec
	index, pixels [sha256.Size]byte
	rows, in      int
	masks         bool
}

// digest identifies a list; an absent one is all zeros.
func digest(v []int64) (sum [sha256.Size]byte) {
	if v == nil {
		return sum
	}
	return sha256.Sum256(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 8*len(v)))
}

//export astronnxConvTable
func astronnxConvTable(spec *C.ax_conv_spec, index *C.int64_t, rows C.int64_t, pixels *C.int64_t, n C.int64_t, in C.int64_t,
	out **C.ax_table) (text *C.char) {
	defer caught("HealpixConv", &text)
	s, err := specOf(spec)
	if err == nil {
		*out, err = acquireTable(s, int64s(index, int(rows)*taps), int64s(pixels, int(n)), int(rows), int(in), spec.masks != 0)
	}
	if err != nil {
		return C.CString("HealpixConv: " + err.Error())
	}
	return nil
}

// caught makes a text of a panic: nothing may unwind through the C frames that called. It is to be deferred.
func caught(op string, text **C.char) {
	if r := recover(); r != nil {
		*text = C.CString(fmt.Sprintf("%s: %v", op, r))
	}
}

//export astronnxConvTableFree
func astronnxConvTableFree(id C.int64_t) {
	tables.release(int64(id), func(t *C.ax_table) { C.ax_table_free(t) })
}

// int64s views C memory; nil for NULL.
func int64s(p *C.int64_t, n int) []int64 {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*int64)(unsafe.Pointer(p)), n)
}

func specOf(spec *C.ax_conv_spec) (convSpec, error) {
	s := convSpec{nside: int(spec.nside), missing: C.GoString(&spec.missing[0]), outside: C.GoString(&spec.outside[0])}
	switch s.missing {
	case "zero", "hpxpad", "center", "renorm":
	default:
		return s, fmt.Errorf("missing is %q: expected zero, hpxpad, center or renorm", s.missing)
	}
	switch s.outside {
	case "zero", "center", "renorm":
	default:
		return s, fmt.Errorf("outside is %q: expected zero, center or renorm", s.outside)
	}
	switch polcconv := C.GoString(&spec.polcconv[0]); {
	case polcconv != "COSMO" && polcconv != "IAU":
		return s, fmt.Errorf("polcconv is %q: expected COSMO or IAU", polcconv)
	case spec.spin_pairs < 0 || spec.spin_pairs > C.ASTRONNX_CONV_PAIRS:
		return s, fmt.Errorf("spin_pairs is %d: the kernel takes up to %d", spec.spin_pairs, C.ASTRONNX_CONV_PAIRS)
	case spec.spin_pairs > 0:
		s.pairs, s.iau = int(spec.spin_pairs), polcconv == "IAU"
	}
	s.pooled = spec.pooled != 0
	var err error
	if s.order, err = healpix.ParseOrder(C.GoString(&spec.order[0])); err != nil {
		return s, err
	}
	s.taps, err = healpix.ParseTapOrder(C.GoString(&spec.tap_order[0]))
	return s, err
}

// acquireTable returns the table for a kernel, which must free it by its id.
func acquireTable(s convSpec, index, pixels []int64, rows, in int, masks bool) (*C.ax_table, error) {
	key := tableKey{s, digest(index), digest(pixels), rows, in, masks}
	return tables.acquire(key, func(id int64) (*C.ax_table, error) { return makeTable(id, s, index, pixels, in, masks) })
}

func makeTable(id int64, s convSpec, index, pixels []int64, in int, masks bool) (*C.ax_table, error) {
	t, err := newConvTable(s, index, pixels, in)
	if err != nil {
		return nil, err
	}
	var keep, status C.int
	if masks {
		keep = 1
	}
	c := C.ax_table_new(C.int64_t(t.in), C.int64_t(t.out), (*C.int32_t)(unsafe.SliceData(t.entries)),
		(*C.float)(unsafe.SliceData(t.scale())), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(t.fills))), C.int64_t(len(t.fills)),
		C.int64_t(s.pairs), (*C.float)(unsafe.SliceData(t.turns)), keep, &status)
	if c == nil {
		return nil, fmt.Errorf("%s", C.GoString(C.ax_table_text(status)))
	}
	c.id = C.int64_t(id)
	for k, column := range s.taps.ToLattice() {
		c.columns[k] = C.int(column)
	}
	return c, nil
}
