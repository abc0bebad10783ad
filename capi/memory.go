//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
// #include <stdlib.h>
import "C"

import (
	"unsafe"
)

// memory is C memory that goes as a whole.
type memory struct{ blocks []unsafe.Pointer }

func (m *memory) text(s string) *C.char {
	p := C.CString(s)
	m.blocks = append(m.blocks, unsafe.Pointer(p))
	return p
}

// array returns n zeroed elements; its pointer is never NULL.
func array[T any](m *memory, n int) []T {
	var z T
	p := C.calloc(C.size_t(n)+1, C.size_t(unsafe.Sizeof(z)))
	m.blocks = append(m.blocks, p)
	return unsafe.Slice((*T)(p), n)
}

func (m *memory) free() {
	for _, p := range m.blocks {
		C.free(p)
	}
	m.blocks = nil
}
