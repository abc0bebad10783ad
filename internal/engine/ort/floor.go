//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
import "C"

import "time"

// floor runs the session n times in a C loop over ONNX Runtime's own call, without Go between: what Run is measured against.
func (s *state) floor(n int) (time.Duration, error) {
	var ns C.int64_t
	err := check(C.ax_bench_bound(s.core.session, s.binding, C.long(n), &ns))
	return time.Duration(ns), err
}
