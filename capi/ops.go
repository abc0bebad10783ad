//go:build cgo && !purego && (linux || darwin)

package main

// #include "astronnx.h"
import "C"

import (
	"unsafe"

	"github.com/astronnx/astronnx/internal/engine/ort"
)

//export goRegisterOps
func goRegisterOps(options *C.struct_OrtSessionOptions, api unsafe.Pointer) *C.struct_OrtStatus {
	return (*C.struct_OrtStatus)(ort.RegisterOps(unsafe.Pointer(options), api))
}
