//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
import "C"

import "github.com/astronnx/astronnx/graph"

// dtypeOf reads an element type of ONNX Runtime. Its numbers for the newest types are not those of ONNX, and only those it gives:
// where it takes a type, as for a new tensor, it wants ONNX's. Versions 1.24 to 1.30 do so alike.
func dtypeOf(code C.int) graph.DType {
	switch code {
	case 24:
		return graph.Uint2
	case 25:
		return graph.Int2
	case 26:
		return graph.Float8E8M0
	}
	return graph.DType(code)
}
