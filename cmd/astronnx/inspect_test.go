package main

import (
	"strings"
	"testing"

	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
)

func TestInspect(t *testing.T) {
	net := toy{nside: 32, order: "NESTED", channels: 3, scores: true}.write(t, t.TempDir())
	in := decode[inspection](t, ok(t, "inspect", net, "--json").out)
	if in.File != net || in.Bytes == 0 || in.IR != 8 || in.Opsets["ai.onnx"] != 18 {
		t.Errorf("got %+v", in)
	}
	if len(in.Inputs) != 1 || in.Inputs[0].Name != "map" || in.Inputs[0].Type != "float32[N,3,12288]" {
		t.Errorf("inputs %+v", in.Inputs)
	}
	if in.Inputs[0].Map["ordering"] != "NESTED" || in.Inputs[0].Map["nside"] != "32" {
		t.Errorf("the input's map: %v", in.Inputs[0].Map)
	}
	want := []operator{{"Add", 1, "onnxruntime"}, {"Gather", 1, "onnxruntime"}}
	if len(in.Operators) != 2 || in.Operators[0] != want[0] || in.Operators[1] != want[1] {
		t.Errorf("operators %+v, want %+v", in.Operators, want)
	}
	if in.Constants.Tensors != 1 || in.Constants.Bytes != 8 || in.Parameters != 0 {
		t.Errorf("constants %+v, %d parameters", in.Constants, in.Parameters)
	}

	text := ok(t, "inspect", net).out
	for _, want := range []string{"float32[N,3,12288]", "ordering NESTED", "nside 32", "Gather", "onnxruntime", "ai.onnx 18"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if graph := ok(t, "inspect", net, "--text").out; !strings.Contains(graph, "Add") {
		t.Errorf("--text printed\n%s", graph)
	}
}

// TestInspectAgreesWithTheEngine compares who would run the operators with who does.
func TestInspectAgreesWithTheEngine(t *testing.T) {
	native(t)
	cfg := runtime.NewConfig().WithLibrary(testkit.ORT(t))
	for _, n := range models.All() {
		m, err := n.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		model, err := runtime.Compile(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		runs := map[string]string{}
		for _, k := range model.Report().Kernels {
			runs[k.Op] = "function body"
			if k.Native {
				runs[k.Op] = "kernel, elsewhere its function body"
			}
		}
		for _, o := range inspectModel(m).Operators {
			want, reported := runs[o.Name]
			if !reported && !strings.Contains(o.Name, ":") {
				want, reported = "onnxruntime", true
			}
			if reported && o.RunBy != want {
				t.Errorf("%s: inspect says that %s is run by %q, the engine says %q", n.Name, o.Name, o.RunBy, want)
			}
		}
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	fails(t, call(t, "inspect", "none.onnx"), exitInput, "none.onnx", "no such file")
	fails(t, call(t, "inspect", wmap(t)), exitInput, "no ONNX file", "wmap_band")
	fails(t, call(t, "inspect"), exitUsage, "expected MODEL, got nothing")
}
