//go:build cgo && !purego && (linux || darwin)

package ops_test

import (
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/testkit"
)

// onnxruntime computes what [TestConvolutionForms] wants in single precision. It takes long to load as many nodes, so each layer here
// stands for seven.
func TestConvolutionFormsONNXRuntime(t *testing.T) {
	testForms(t, ort.Engine, testkit.ORT(t), 7, graph.Float32, map[string]float64{"Y": 5e-6, "dX": 5e-6, "dW": 2e-5})
}

// onnxruntime computes the gradients of [TestGeneratorGradients] in single precision.
func TestGeneratorGradientsONNXRuntime(t *testing.T) {
	library := testkit.ORT(t)
	for _, axes := range []int{2, 3} {
		m, shapes := generator(t, graph.Float64, axes)
		in := generatorInputs(shapes)
		want := runForms(t, reference.Engine{}, "", m, in)
		single, _ := generator(t, graph.Float32, axes)
		for i, got := range runForms(t, ort.Engine, library, single, in) {
			if off := distance(got, want[i]); !(off <= 2e-5) {
				t.Errorf("%d axes, output %d: got a relative error of %.2g want 2e-5", axes, i, off)
			}
		}
	}
}
