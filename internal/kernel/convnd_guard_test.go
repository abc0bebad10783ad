//go:build cgo && !purego && unix

package kernel_test

import (
	"math/rand/v2"
	"testing"
)

// No path of a convolution or its gradients touches memory beside its operands.
func TestConvNDStaysInside(t *testing.T) {
	r := rand.New(rand.NewPCG(35, 36))
	for _, s := range convNDShapes() {
		for _, atEnd := range []bool{false, true} {
			x, w, bias := fenced(t, randoms(r, inputs(s)), atEnd), fenced(t, randoms(r, filters(s)), atEnd), fenced(t, randoms(r, int(s.Co)), atEnd)
			dy := fenced(t, randoms(r, outputs(s)), atEnd)
			y, dx, dw := fenced(t, make([]float32, len(dy)), atEnd), fenced(t, make([]float32, len(x)), atEnd), fenced(t, make([]float32, len(w)), atEnd)
			for _, path := range paths() {
				for _, err := range []error{s.Forward(x, w, bias, y, path, 2), s.GradInput(dy, w, dx, path, 2), s.GradWeight(x, dy, dw, path, 2)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
