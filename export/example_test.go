package export_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
)

// A network that measures one parameter of maps in K becomes a file that takes such maps, UNSEEN pixels and all.
func ExampleWrite() {
	network, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Outputs: 1}) // trained, in earnest
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "export")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	unseen, zero := float64(models.Unseen), 0.0
	report, err := export.Write(filepath.Join(dir, "tau.onnx"), network, export.Options{
		Inputs: map[string]export.Input{"map": {
			Map:    runtime.MapInfo{Unit: []string{"K"}, Unseen: &unseen},
			Factor: 1e6, Scale: []float64{70}, // the network reads µK in units of 70
			Fill: &zero,
		}},
		Outputs: map[string]export.Output{"y": {
			Offset: []float64{0.06}, Scale: []float64{0.02},
			Parameters: []export.Parameter{{Name: "tau", Prior: &[2]float64{0.03, 0.09}}},
		}},
		Engine: runtime.NewConfig().WithEngine("reference"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("opset", report.Opset, "compared on", report.Checks[0].Engine)
	// Output: opset 18 compared on reference
}
