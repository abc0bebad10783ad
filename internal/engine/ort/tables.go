//go:build cgo && !purego && (linux || darwin)

package ort

// #include "customop.h"
// #include <stdlib.h>
import "C"

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"unsafe"

	"github.com/astronnx/astronnx/healpix"
)

// tables are the convolution geometries in use, shared by every kernel that reads its input in the same way: a network has few of
// them and many layers.
var tables = struct {
	sync.Mutex
	byKey map[tableKey]*table
	byID  map[C.int64_t]*table
	next  C.int64_t
}{byKey: map[tableKey]*table{}, byID: map[C.int64_t]*table{}}

type tableKey struct {
	spec          convSpec
	index, pixels [sha256.Size]byte
	rows, in      int
	masks         bool
}

type table struct {
	key   tableKey
	ready sync.Once
	c     *C.ax_table
	err   error
	users int
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
	// Nothing may unwind through the C frames that called.
	defer func() {
		if r := recover(); r != nil {
			text = C.CString(fmt.Sprintf("HealpixConv: %v", r))
		}
	}()
	s, err := specOf(spec)
	if err == nil {
		*out, err = acquireTable(s, int64s(index, int(rows)*taps), int64s(pixels, int(n)), int(rows), int(in), spec.masks != 0)
	}
	if err != nil {
		return C.CString("HealpixConv: " + err.Error())
	}
	return nil
}

//export astronnxConvTableFree
func astronnxConvTableFree(id C.int64_t) {
	tables.Lock()
	t := tables.byID[id]
	t.users--
	last := t.users == 0
	if last {
		delete(tables.byID, id)
		delete(tables.byKey, t.key)
	}
	tables.Unlock()
	if last {
		C.ax_table_free(t.c)
	}
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
	tables.Lock()
	t := tables.byKey[key]
	if t == nil {
		t = &table{key: key}
		tables.byKey[key] = t
	}
	t.users++
	tables.Unlock()
	t.ready.Do(func() { t.make(s, index, pixels, in, masks) })
	if t.err == nil {
		return t.c, nil
	}
	tables.Lock()
	if t.users--; t.users == 0 {
		delete(tables.byKey, key)
	}
	tables.Unlock()
	return nil, t.err
}

func (t *table) make(s convSpec, index, pixels []int64, in int, masks bool) {
	var ct *convTable
	if ct, t.err = newConvTable(s, index, pixels, in); t.err != nil {
		return
	}
	var keep, status C.int
	if masks {
		keep = 1
	}
	t.c = C.ax_table_new(C.int64_t(ct.in), C.int64_t(ct.out), (*C.int32_t)(unsafe.SliceData(ct.entries)),
		(*C.float)(unsafe.SliceData(ct.scale())), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(ct.fills))), C.int64_t(len(ct.fills)),
		keep, &status)
	if t.c == nil {
		t.err = fmt.Errorf("%s", C.GoString(C.ax_table_text(status)))
		return
	}
	for k, c := range s.taps.ToLattice() {
		t.c.columns[k] = C.int(c)
	}
	tables.Lock()
	tables.next++
	t.c.id = tables.next
	tables.byID[t.c.id] = t
	tables.Unlock()
}
