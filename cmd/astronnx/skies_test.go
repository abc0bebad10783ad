package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/recipes"
)

func TestTrainRecipe(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "peak")
	args := append([]string{"train", "peak", "--quick", "--noise", "0,2.50", "--out", out}, engineArgs(t)...)
	text := ok(t, args...)
	for _, want := range []string{"noise 0 ", "noise 2.5 ", "constant ", "network, seed 1 ", "exact likelihood ", "256 skies to train on, 60 unseen", "trained by ",
		"wrote " + filepath.Join(out, "report.md")} {
		if !strings.Contains(text.out, want) {
			t.Errorf("no %q in\n%s", want, text.out)
		}
	}
	if !strings.HasPrefix(text.err, "training by ") || !strings.Contains(text.err, "noise 2.5: network of seed 1\nepoch 1/3  loss ") {
		t.Errorf("got %s", text.err)
	}
	files := entries(t, out)
	for _, want := range []string{"noise-0", "noise-2.5", "noise-0-scatter.png", "noise-0-pulls.png", "report.md"} {
		if !slices.Contains(files, want) {
			t.Errorf("no %s in %v", want, files)
		}
	}
	report, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil || !strings.Contains(string(report), "    astronnx train peak ") || !strings.Contains(string(report), " --noise 0,2.5 --out "+out+" --quick") {
		t.Errorf("%v\n%s", err, report)
	}
	// Again, it only measures.
	r := decode[recipes.Report](t, ok(t, append(args, "--json")...).out)
	if len(r.Cases) != 2 || r.Cases[1].Networks[0].Steps != 24 || r.Cases[0].Exact.Mean == 0 {
		t.Errorf("got %+v", r)
	}
	n, err := readNetwork(filepath.Join(out, "noise-0", "seed-1", "network.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"astronnx.map.nside": "4", "astronnx.map.ordering": "RING", "astronnx.map.columns": "T",
		"astronnx.parameters": `"prior":[5,20]`, "astronnx.training": "recipe peak, noise 0", "astronnx.map.preprocessing": "scale"} {
		if !strings.Contains(n.graph.Metadata[key], want) {
			t.Errorf("metadata %s is %q: want %q", key, n.graph.Metadata[key], want)
		}
	}
	fails(t, call(t, "train", "peak", "--quick", "--fsky", "1.5", "--out", out), exitInput, "f_sky 1.5")
	fails(t, call(t, "train", "peak", "more"), exitUsage, "no argument")
}

func TestTrainRecipeParallel(t *testing.T) {
	out := filepath.Join(t.TempDir(), "tau")
	text := ok(t, append([]string{"train", "tau", "--quick", "--epochs", "2", "--seeds", "3", "--parallel", "2", "--out", out}, engineArgs(t)...)...)
	for _, want := range []string{"seed 1: epoch 2/2  loss ", "seed 2: epoch 1/2  loss ", "seed 3: epoch 2/2  loss "} {
		if strings.Count(text.err, want) != 1 {
			t.Errorf("no %q in\n%s", want, text.err)
		}
	}
	if !strings.Contains(text.out, "networks, mean of seeds") {
		t.Errorf("got %s", text.out)
	}
	fails(t, call(t, "train", "tau", "--quick", "--parallel", "-1", "--out", out), exitInput, "-1 networks at a time")
}

func TestTrainRecipeInterrupted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "tau")
	args := append([]string{"train", "tau", "--quick", "--epochs", "6", "--out", out}, engineArgs(t)...)
	ctx, cancel := context.WithCancel(t.Context())
	w := &cancelling{after: 6, cancel: cancel}
	if code := execute(ctx, args, new(bytes.Buffer), w); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s", code, w.String())
	}
	if !strings.Contains(w.String(), "the same command goes on from "+out) {
		t.Errorf("got %s", w.String())
	}
	if files := entries(t, out); slices.Contains(files, "report.md") {
		t.Errorf("files: %v", files)
	}
	again := ok(t, args...)
	if n := strings.Count(again.err, "epoch "); n != 4 {
		t.Errorf("the run went on with\n%s", again.err)
	}
}

// Where only the slow engine is found, the first line says so, and what to do.
func TestTrainWithoutALibrary(t *testing.T) {
	native(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "skies")
	ok(t, "simulate", "peak", "--quick", "--skies", "20", "-o", data)
	for _, args := range [][]string{
		{"train", "peak", "--quick", "--skies", "32", "--epochs", "1", "--test", "20", "-o", filepath.Join(dir, "peak")},
		{"train", "nnhealpix:nside=4,maps=1,outputs=1,filters=4,hidden=8", "--data", filepath.Join(data, "*.npz"), "--epochs", "1", "--batch", "8", "-o", filepath.Join(dir, "net.onnx")},
	} {
		r := spawn(t, []string{"ASTRONNX_CACHE=" + dir}, args...)
		if strings.Contains(r.out, "by onnxruntime") {
			t.Skip("the system's loader finds an onnxruntime")
		}
		first, _, _ := strings.Cut(r.err, "\n")
		for _, want := range []string{"training by reference on CPU", "which is slow", "onnxruntime was not found", "make deps", "ASTRONNX_ORT_LIB"} {
			if r.code != exitOK || !strings.Contains(first, want) {
				t.Errorf("exit code %d, no %q in\n%s", r.code, want, r.err)
			}
		}
	}
}
