package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/models"
)

func TestModelsList(t *testing.T) {
	list := decode[[]modelInfo](t, ok(t, "models", "list", "--json").out)
	if len(list) != len(models.All()) || len(list) < 2 {
		t.Fatalf("got %+v", list)
	}
	text := ok(t, "models", "list").out
	for _, n := range list {
		if !strings.Contains(text, n.Name) || len(n.Options) == 0 {
			t.Errorf("%s is not in\n%s", n.Name, text)
		}
	}
}

func TestModelsWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "classes.onnx")
	args := []string{"models", "write", "nnhealpix", "--nside", "16", "--outputs", "9", "--seed", "7", "-o", file, "--json"}
	r := decode[writtenModel](t, ok(t, args...).out)
	if r.Parameters != 46857 || r.Bytes == 0 || r.Options["seed"] != "7" {
		t.Errorf("got %+v, want the 46,857 parameters of the nine-class network", r)
	}
	in := decode[inspection](t, ok(t, "inspect", file, "--json").out)
	if in.Bytes != r.Bytes || in.Parameters != r.Parameters || in.Inputs[0].Map["nside"] != "16" {
		t.Errorf("inspect says %d bytes, %d parameters, input %+v", in.Bytes, in.Parameters, in.Inputs)
	}
	for _, o := range in.Operators {
		want := "onnxruntime"
		if strings.HasPrefix(o.Name, "ai.astronnx.healpix:") {
			want = "function body"
		}
		if !strings.HasSuffix(o.RunBy, want) {
			t.Errorf("%s is run by %q, want %q", o.Name, o.RunBy, want)
		}
	}
	ok(t, "models", "write", "multiresolution", "-o", file, "--overwrite")
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("files: %v", got)
	}
}

func TestModelsRefuse(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "net.onnx")
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"write", "resnet"}, exitUsage, []string{`unknown command "resnet"`}},
		{[]string{"write", "nnhealpix"}, exitUsage, []string{"-o nnhealpix.onnx"}},
		{[]string{"write", "nnhealpix", "-o", out, "--nside", "12"}, exitUsage, []string{"nside is 12", "power of two"}},
		{[]string{"write", "nnhealpix", "-o", out, "--nside", "x"}, exitUsage, []string{`option nside is "x"`, "expected an integer"}},
		{[]string{"write", "nnhealpix", "-o", out, "--levels", "3"}, exitUsage, []string{"unknown flag: --levels"}},
		{[]string{"write", "multiresolution", "-o", out, "--levels", "9"}, exitUsage, []string{"9 levels at nside 32"}},
		{[]string{"write", "multiresolution", "-o", filepath.Join(dir, "none", "net.onnx")}, exitOutput, []string{"cannot be written"}},
	} {
		fails(t, call(t, append([]string{"models"}, c.args...)...), c.code, c.want...)
	}
	if got := entries(t, dir); len(got) != 0 {
		t.Errorf("files: %v", got)
	}
}

// TestScores runs the classifier over the real map: its numbers are printed, not written as a map.
func TestScores(t *testing.T) {
	dir := t.TempDir()
	net := filepath.Join(dir, "classes.onnx")
	ok(t, "models", "write", "nnhealpix", "--nside", "32", "--softmax", "true", "-o", net)
	args := append([]string{"run", net, wmap(t), "--columns", "I"}, engineArgs(t)...)
	d := decode[struct {
		Maps []struct{ Outputs []struct{ Values []float64 } }
	}](t, ok(t, append(args, "--json")...).out)
	sum := 0.0
	for _, v := range d.Maps[0].Outputs[0].Values {
		sum += v
	}
	if n := len(d.Maps[0].Outputs[0].Values); n != 9 || sum < 0.999999 || sum > 1.000001 {
		t.Errorf("%d probabilities add up to %g", n, sum)
	}
	fails(t, call(t, append(args, "-o", filepath.Join(dir, "out.fits"))...), exitOutput, "the network gives no map", "y float32[N,9]")
}
