package main

import (
	"strings"
	"testing"
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

func TestInspectRefuses(t *testing.T) {
	fails(t, call(t, "inspect", "none.onnx"), exitInput, "none.onnx", "no such file")
	fails(t, call(t, "inspect", wmap(t)), exitInput, "no ONNX file", "wmap_band")
	fails(t, call(t, "inspect"), exitUsage, "expected MODEL, got nothing")
}
