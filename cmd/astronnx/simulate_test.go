package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Skies are written, and a network learns from the files as they are, in both formats.
func TestSimulate(t *testing.T) {
	dir := t.TempDir()
	npz, fits := filepath.Join(dir, "npz"), filepath.Join(dir, "fits")
	text := ok(t, "simulate", "tau", "--quick", "--skies", "40", "--shard", "16", "--noise", "1", "--fsky", "0.5", "--seed", "4", "-o", npz)
	for _, want := range []string{"40 skies [2 192] in 3 files and manifest.json of " + npz, "astronnx train NETWORK --data '" + npz} {
		if !strings.Contains(text.out, want) {
			t.Errorf("no %q in\n%s", want, text.out)
		}
	}
	s := decode[simulated](t, ok(t, "simulate", "tau", "--quick", "--skies", "40", "--format", "fits", "--noise", "1", "--fsky", "0.5", "-o", fits, "--json").out)
	if s.Skies != 40 || s.Files != 40 || s.Kept != 0 || s.Format != "fits" || !slices.Equal(s.Shape, []int64{2, 192}) {
		t.Errorf("got %+v", s)
	}
	for _, data := range [][]string{{"--data", filepath.Join(npz, "*.npz")}, {"--data", filepath.Join(fits, "*.fits"), "--target", filepath.Join(fits, "params.csv")}} {
		args := append([]string{"train", "nnhealpix:nside=4,maps=2,outputs=1,filters=4,hidden=8", "--epochs", "1", "--batch", "8", "--json", "--overwrite",
			"-o", filepath.Join(dir, "net.onnx")}, engineArgs(t)...)
		r := decode[trained](t, ok(t, append(args, data...)...).out)
		if r.Samples+r.Validation != 40 || r.Steps == 0 {
			t.Errorf("%v: got %+v", data, r)
		}
	}
}

// An interrupted run goes on; what is damaged is found; a folder of others is left alone.
func TestSimulateAgain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "skies")
	args := []string{"simulate", "peak", "--quick", "--skies", "30", "--shard", "10", "-o", out}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errw bytes.Buffer
	if code := execute(ctx, args, new(bytes.Buffer), &errw); code != exitInterrupted ||
		!strings.Contains(errw.String(), "interrupted: 0 of 30 samples are written; the same command goes on from "+out) {
		t.Errorf("exit code %d\n%s", code, errw.String())
	}
	ok(t, args...)
	want := entries(t, out)
	file := filepath.Join(out, "shard-00001.npz")
	if err := os.Truncate(file, 1000); err != nil {
		t.Fatal(err)
	}
	again := ok(t, args...)
	for _, text := range []string{"10 of them simulated", "20 there before", "note: shard-00001.npz was missing or damaged"} {
		if !strings.Contains(again.out, text) {
			t.Errorf("no %q in\n%s", text, again.out)
		}
	}
	if s := decode[simulated](t, ok(t, append(args, "--json")...).out); s.Kept != 30 || len(s.Damaged) != 0 {
		t.Errorf("got %+v", s)
	}
	fails(t, call(t, append(args, "--noise", "5")...), exitOutput, "holds other samples: noise is 0 there, 5 here", "another folder")
	fails(t, call(t, append(args, "--format", "fits")...), exitOutput, `format is "npz" there`)
	fails(t, call(t, append(args, "--format", "hdf5")...), exitUsage, "npz or fits")
	fails(t, call(t, append(args, "--fsky", "7")...), exitInput, "f_sky 7")
	fails(t, call(t, "simulate", "sigma8"), exitUsage, "sigma8")
	if got := entries(t, out); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}
