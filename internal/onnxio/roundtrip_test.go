package onnxio

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

func mustMarshal(t testing.TB, m *graph.Model) []byte {
	t.Helper()
	b, err := Marshal(m)
	if err != nil {
		t.Fatalf("save: %v", err)
	}
	return b
}

func TestOfficialModelsRoundTrip(t *testing.T) {
	for _, name := range officialModels(t) {
		first, err := LoadFile(name, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		saved := mustMarshal(t, first)
		second, err := Load(saved, Options{})
		if err != nil {
			t.Errorf("%s: load what was saved: %v", name, err)
			continue
		}
		if diff := graph.Diff(first, second); diff != nil {
			t.Errorf("%s: %v", name, diff)
		}
		if again := mustMarshal(t, second); !bytes.Equal(saved, again) {
			t.Errorf("%s: saving twice gives other bytes", name)
		}
	}
}

// TestReferenceReadsTheSame has PyPI onnx compare every official model with what we save of it, and check it.
func TestReferenceReadsTheSame(t *testing.T) {
	models := officialModels(t)
	python := testkit.Python(t, "onnx", "numpy")
	dir := t.TempDir()
	var list strings.Builder
	for i, name := range append(slices.Clip(models), everythingFile(t, dir)) {
		m, err := LoadFile(name, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		saved := filepath.Join(dir, fmt.Sprintf("%d.onnx", i))
		if err := os.WriteFile(saved, mustMarshal(t, m), 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s\t%s\n", name, saved)
	}
	whole, spilt := filepath.Join(dir, "whole.onnx"), filepath.Join(dir, "spilt.onnx")
	for name, o := range map[string]SaveOptions{whole: {}, spilt: {Threshold: 8000}} {
		if err := WriteFile(name, weighty(), o); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&list, "%s\t%s\n", whole, spilt)
	pairs := filepath.Join(dir, "pairs.txt")
	if err := os.WriteFile(pairs, []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, filepath.Join("testdata", "compare.py"), pairs).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOfficialTensorsRoundTrip reads the inputs and outputs of every official case and writes them again.
func TestOfficialTensorsRoundTrip(t *testing.T) {
	kinds := map[graph.Kind]int{}
	dtypes := map[graph.DType]int{}
	for _, name := range officialModels(t) {
		m, err := LoadFile(name, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for prefix, values := range map[string][]*graph.Value{"input": m.Graph.Inputs, "output": m.Graph.Outputs} {
			files, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "test_data_set_*", prefix+"_*.pb"))
			for _, f := range files {
				var j int
				if _, err := fmt.Sscanf(filepath.Base(f), prefix+"_%d.pb", &j); err != nil || j >= len(values) {
					t.Errorf("%s: no %s of that number among %d (%v)", f, prefix, len(values), err)
					continue
				}
				v := tensorRoundTrip(t, f, values[j].Type)
				kinds[v.Kind]++
				dtypes[v.DType]++
			}
		}
	}
	for _, k := range []graph.Kind{graph.TensorKind, graph.SequenceKind, graph.OptionalKind} {
		if kinds[k] == 0 {
			t.Errorf("no official tensor file of kind %s: the test lost its subject", k)
		}
	}
	if len(dtypes) < 16 {
		t.Errorf("official tensors of %d element types: %v", len(dtypes), dtypes)
	}
}

func tensorRoundTrip(t *testing.T, file string, typ *graph.Type) *graph.Tensor {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ReadTensor(b, typ, Options{})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	saved, err := MarshalTensor(v)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	w, err := ReadTensor(saved, typ, Options{})
	if err != nil {
		t.Fatalf("%s: read what was saved: %v", file, err)
	}
	if !v.Equal(w) || v.Name != w.Name {
		t.Errorf("%s: %s %s became %s %s", file, v.Name, v, w.Name, w)
	}
	return v
}
