//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"errors"
	"math"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
)

func TestNodesThatEndTheProcessAreRefused(t *testing.T) {
	y := graph.TensorType(graph.Float32, graph.D(3))
	for _, scale := range []float64{0, -1, math.NaN(), 0.5} {
		m := oneNode("RandomNormalLike", graph.Attrs{"scale": scale}, y, y)
		p, err := Engine.Compile(m, engine.Options{})
		if scale > 0 {
			if err == nil {
				p.Close()
			} else if !errors.Is(err, errs.Unavailable) {
				t.Errorf("scale %v: %v", scale, err)
			}
			continue
		}
		if !errors.Is(err, errs.UnsupportedOp) {
			t.Errorf("scale %v: got %v want an unsupported operator", scale, err)
		}
	}
}
