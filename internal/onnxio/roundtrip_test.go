package onnxio

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/testkit"
)

// officialModels returns the model files of the official suite.
func officialModels(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.OfficialCases(t), "*", "model.onnx"))
	if err != nil || len(files) < 932 {
		t.Fatalf("%d official models, want at least the 932 of ONNX 1.12 (%v)", len(files), err)
	}
	return files
}

// TestOfficialModelsRoundTrip loads, saves and loads again every official model and wants equal graphs.
func TestOfficialModelsRoundTrip(t *testing.T) {
	for _, name := range officialModels(t) {
		first, err := LoadFile(name, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		saved, err := Marshal(first)
		if err != nil {
			t.Errorf("%s: save: %v", name, err)
			continue
		}
		second, err := Load(saved, Options{})
		if err != nil {
			t.Errorf("%s: load what was saved: %v", name, err)
			continue
		}
		if diff := graph.Diff(first, second); diff != nil {
			t.Errorf("%s: %v", name, diff)
		}
		if info, err := os.Stat(name); err != nil || len(saved) > 2*int(info.Size())+1000 {
			t.Errorf("%s: saved %d bytes of %d", name, len(saved), info.Size())
		}
	}
}
