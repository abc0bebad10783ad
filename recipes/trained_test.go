package recipes_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/astronnx/astronnx/recipes"
)

// The trained examples measure unseen skies as well as their README says.
func TestTrainedExamples(t *testing.T) {
	for name, most := range map[string]float64{"peak": 2.86, "peak-eb": 2.05, "tau": 3.66, "tau-planck": 12.40} {
		t.Run(name, func(t *testing.T) {
			o := quick(t)
			o.Test = 200
			if name == "peak" {
				o.Noise = []float64{5}
			}
			got, err := recipes.Judge(t.Context(), find(t, name), o, filepath.Join("..", "models", "trained", name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			// 200 skies tell the mean of |errors| to 6 %.
			if !(got.Mean < 1.2*most) {
				t.Errorf("the mean error is %.2f %%, want %.2f", got.Mean, most)
			}
			if math.Abs(got.Bias) > 0.25 || math.Abs(got.Pull-1) > 0.2 {
				t.Errorf("bias %.2f, pull %.2f: want 0 and 1", got.Bias, got.Pull)
			}
		})
	}
}
