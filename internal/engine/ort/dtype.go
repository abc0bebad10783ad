package ort

import "github.com/astronnx/astronnx/graph"

// The element types whose number in ONNX Runtime differs from the one in ONNX; all others agree.
const (
	ortUint2      = 24
	ortInt2       = 25
	ortFloat8E8M0 = 26
)

func ortType(d graph.DType) int32 {
	switch d {
	case graph.Float8E8M0:
		return ortFloat8E8M0
	case graph.Uint2:
		return ortUint2
	case graph.Int2:
		return ortInt2
	}
	return int32(d)
}

func graphType(code int32) graph.DType {
	switch code {
	case ortFloat8E8M0:
		return graph.Float8E8M0
	case ortUint2:
		return graph.Uint2
	case ortInt2:
		return graph.Int2
	}
	return graph.DType(code)
}
