//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
import "C"

import "github.com/astronnx/astronnx/graph"

// ONNX Runtime's numbers for the newest element types are not those of ONNX. It gives its own; but up to version 1.30 it takes
// ONNX's where a tensor is made.
var (
	given      = map[C.int]graph.DType{24: graph.Uint2, 25: graph.Int2, 26: graph.Float8E8M0}
	takesONNXs bool // set by start
)

// dtypeOf reads an element type of ONNX Runtime.
func dtypeOf(code C.int) graph.DType {
	if d, ok := given[code]; ok {
		return d
	}
	return graph.DType(code)
}

// codeOf is the number by which ONNX Runtime makes a tensor of a type.
func codeOf(d graph.DType) C.int {
	if d >= graph.Float8E8M0 && !takesONNXs {
		for code, t := range given {
			if t == d {
				return code
			}
		}
	}
	return C.int(d)
}

// learnCodes makes a tensor by ONNX's number of uint2 and looks what it has become.
func learnCodes() {
	var v *C.OrtValue
	var code C.int
	var rank C.size_t
	if check(C.ax_tensor(nil, 0, cdims([]int64{0}), 1, C.int(graph.Uint2), &v)) != nil {
		return
	}
	defer C.ax_value_release(v)
	takesONNXs = check(C.ax_value_shape(v, &code, nil, 0, &rank)) == nil && dtypeOf(code) == graph.Uint2
}
