package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// inGo are the flags that run a network without onnxruntime.
var inGo = []string{"--engine", "reference"}

func TestRunWritesTheMapThatHealpyUsersExpect(t *testing.T) {
	dir := t.TempDir()
	net := toy{nside: 32, order: "NESTED", channels: 3}.write(t, dir)
	out := filepath.Join(dir, "out.fits")
	r := ok(t, append([]string{"run", net, wmap(t), "-o", out}, inGo...)...)
	if !strings.Contains(r.out, out) || !strings.Contains(r.out, "12,288") {
		t.Errorf("the report lacks the file or the pixels:\n%s", r.out)
	}
	in, got := readSky(t, wmap(t)), readSky(t, out)
	if got.Order != in.Order || got.Nside != in.Nside || got.Coord != in.Coord || len(got.Columns) != 3 {
		t.Fatalf("got %v nside %d, %d columns", got.Order, got.Nside, len(got.Columns))
	}
	for c := range in.Columns {
		if got.Columns[c].Name != in.Columns[c].Name {
			t.Errorf("column %d is %s, want %s", c, got.Columns[c].Name, in.Columns[c].Name)
		}
		for p, v := range floats(t, in.Columns[c]) {
			if w := floats(t, got.Columns[c])[p]; w != 2*v {
				t.Fatalf("column %d, pixel %d: got %g, want %g", c, p, w, 2*v)
			}
		}
	}
}

func TestRunKeepsUnseen(t *testing.T) {
	dir := t.TempDir()
	net := toy{nside: 32, order: "NESTED", channels: 3}.write(t, dir)
	out := filepath.Join(dir, "out.fits")
	ok(t, append([]string{"run", net, wmapMasked(t), "-o", out, "--unseen", "mean"}, inGo...)...)
	in, got := readSky(t, wmapMasked(t)), readSky(t, out)
	unseen := 0
	for c := range in.Columns {
		for p, v := range floats(t, in.Columns[c]) {
			w := floats(t, got.Columns[c])[p]
			if healpix.IsUnseen(v) != healpix.IsUnseen(w) {
				t.Fatalf("column %d, pixel %d: got %g for %g", c, p, w, v)
			}
			if healpix.IsUnseen(v) {
				unseen++
			}
		}
	}
	if unseen == 0 {
		t.Error("the masked map has no UNSEEN pixels")
	}
}

func TestRunMasks(t *testing.T) {
	dir := t.TempDir()
	plain := toy{order: "NESTED", scores: true}.write(t, t.TempDir())
	knows := toy{order: "NESTED", scores: true, mask: true}.write(t, dir)
	mask := ramp(t, 2, healpix.Nested, "USE") // 0 at pixel 0, in NESTED
	maskFile := writeSky(t, filepath.Join(dir, "mask.fits"), mask)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 2, healpix.Ring, "I", "Q"))
	for _, c := range []struct {
		name string
		args []string
		want float32 // what the network reads in column Q where the mask is 0
	}{
		{"a network with a mask", []string{knows}, 0},
		{"zero", []string{plain, "--unseen", "zero"}, 0},
		{"mean", []string{plain, "--unseen", "mean"}, 1024},
		{"keep", []string{plain, "--unseen", "keep"}, healpix.Unseen},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(dir, "out.npz")
			args := append([]string{"run", c.args[0], in, "-o", out, "--overwrite", "--mask", maskFile}, c.args[1:]...)
			r := decode[runReport](t, ok(t, append(append(args, "--json"), inGo...)...).out)
			if r.Maps[0].Masked != 1 {
				t.Errorf("%d masked pixels, want 1", r.Maps[0].Masked)
			}
			arrays, err := sky.ReadArrays(out, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := graph.Data[float32](arrays[1])[1]; got != c.want {
				t.Errorf("the network reads %g, want %g", got, c.want)
			}
			grid, _ := healpix.New(2, healpix.Nested)
			lost := grid.Convert(0, healpix.Ring)
			for p, v := range graph.Data[float32](arrays[0])[:48] {
				if healpix.IsUnseen(v) != (p == lost) {
					t.Errorf("pixel %d of the result is %g", p, v)
				}
			}
		})
	}
	args := append([]string{"run", plain, in, "-o", filepath.Join(dir, "none.fits"), "--mask", maskFile}, inGo...)
	fails(t, call(t, args...), exitInput, "2 masked or UNSEEN values", "--unseen")
}

func TestRunPrintsScores(t *testing.T) {
	dir := t.TempDir()
	net := toy{order: "RING", scores: true}.write(t, dir)
	type doc struct {
		Maps []struct {
			Map     string
			Outputs []struct {
				Name   string
				Shape  []int64
				Values []float64
			}
		}
	}
	a := writeSky(t, filepath.Join(dir, "a.fits"), ramp(t, 1, healpix.Ring, "I", "Q"))
	b := writeSky(t, filepath.Join(dir, "b.fits"), ramp(t, 2, healpix.Ring, "I", "Q"))
	args := append([]string{"run", net, a, b, "--output", "scores"}, inGo...)
	d := decode[doc](t, ok(t, append(args, "--json")...).out)
	want := [][]float64{{0, 1000}, {3, 1003}}
	for i, m := range d.Maps {
		if got := m.Outputs[0].Values; !slices.Equal(got, want[i]) || m.Outputs[0].Name != "scores" {
			t.Errorf("%s: got %v, want %v", m.Map, got, want[i])
		}
	}
	if r := ok(t, args...); !strings.Contains(r.out, "1000") || !strings.Contains(r.out, "1003") {
		t.Errorf("the table lacks the scores:\n%s", r.out)
	}
	if got := entries(t, dir); len(got) != 3 {
		t.Errorf("files: %v", got)
	}
}

func TestRunForms(t *testing.T) {
	dir := t.TempDir()
	net := toy{order: "NESTED", channels: 2, scores: true}.write(t, dir)
	m := ramp(t, 2, healpix.Ring, "I", "Q")
	floats(t, m.Columns[1])[5] = healpix.Unseen
	in := writeSky(t, filepath.Join(dir, "in.fits"), m)
	run := func(args ...string) {
		t.Helper()
		ok(t, append(append([]string{"run", net, "--unseen", "zero"}, args...), inGo...)...)
	}

	run(in, in, "-o", filepath.Join(dir, "out.npz"))
	arrays, err := sky.ReadArrays(filepath.Join(dir, "out.npz"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(arrays) != 2 || arrays[0].Name != "twice" || !slices.Equal(arrays[0].Shape, []int64{2, 2, 48}) ||
		!slices.Equal(arrays[1].Shape, []int64{2, 2}) {
		t.Fatalf("npz holds %v", arrays)
	}
	for _, at := range []int{0, 96} {
		for p, v := range floats(t, m.Columns[1]) {
			want := 2 * v
			if p == 5 {
				want = healpix.Unseen
			}
			if got := graph.Data[float32](arrays[0])[at+48+p]; got != want {
				t.Errorf("npz: pixel %d is %g, want %g in the order of the map", p, got, want)
			}
		}
	}

	run(in, "-o", filepath.Join(dir, "out.npy"), "--output", "scores")
	cube, err := sky.ReadCube(filepath.Join(dir, "out.npy"), sky.CubeOptions{})
	if err != nil || !slices.Equal(cube.Shape, []int64{1, 2}) {
		t.Errorf("npy holds %v, %v", cube, err)
	}

	run(in, "-o", filepath.Join(dir, "out.json"))
	text, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := decode[struct {
		Maps []struct{ Outputs []struct{ Values any } }
	}](t, string(text))
	columns := d.Maps[0].Outputs[0].Values.(map[string]any)
	if q := columns["Q"].([]any); q[5] != nil || q[6] == nil {
		t.Errorf("json: Q is %v", q)
	}

	run(in, "-o", dir)
	if _, err := os.Stat(filepath.Join(dir, "in_twice.fits")); err != nil {
		t.Error(err)
	}
	run(in, "-o", filepath.Join(dir, "{map}-{output}.fits.gz"))
	if got := readSky(t, filepath.Join(dir, "in-twice.fits.gz")); got.Order != healpix.Ring {
		t.Errorf("order %v", got.Order)
	}
}

// corrupt holds the files of the table of bad inputs.
func corrupt(t *testing.T, dir string) {
	raw, err := os.ReadFile(wmap(t))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(name, old, with string) {
		t.Helper()
		b := bytes.Replace(raw, []byte(old), []byte(with), 1)
		if bytes.Equal(b, raw) || len(b) != len(raw) {
			t.Fatalf("%s: no %q of that length in the header", name, old)
		}
		write(name, b)
	}
	write("truncated.fits", raw[:len(raw)/2])
	write("text.fits", []byte("no FITS at all"))
	replace("no-order.fits", "ORDERING= 'RING    '", "COMMENT   no order  ")
	replace("bad-order.fits", "ORDERING= 'RING    '", "ORDERING= 'SPIRAL  '")

	m := readSky(t, wmap(t))
	floats(t, m.Columns[0])[7] = float32(math.NaN())
	writeSky(t, filepath.Join(dir, "nan.fits"), m)
	writeSky(t, filepath.Join(dir, "coarse.fits"), ramp(t, 16, healpix.Ring, "I", "Q", "U"))
	writeSky(t, filepath.Join(dir, "fine.fits"), ramp(t, 64, healpix.Ring, "I", "Q", "U"))
	writeSky(t, filepath.Join(dir, "one.fits"), ramp(t, 32, healpix.Ring, "T"))
	write("file", nil)
	write("exists.fits", []byte("precious"))
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	corrupt(t, dir)
	model := func(name string, y toy) {
		t.Helper()
		if err := os.Rename(y.write(t, dir), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	model("net.onnx", toy{nside: 32, order: "NESTED", channels: 3})
	model("scores.onnx", toy{order: "NESTED", channels: 3, scores: true})
	model("unordered.onnx", toy{nside: 32, channels: 3})
	model("int64.onnx", toy{nside: 32, order: "RING", channels: 3, dtype: graph.Int64})
	model("spiral.onnx", toy{nside: 32, order: "SPIRAL", channels: 3})
	model("contradicts.onnx", toy{nside: 32, order: "RING", channels: 3, metadata: map[string]string{"astronnx.map.nside": "x"}})
	if err := os.Symlink(wmap(t), filepath.Join(dir, "wmap.fits")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(wmapMasked(t), filepath.Join(dir, "masked.fits")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)

	for _, c := range []struct {
		name, args string
		code       int
		want       []string
	}{
		{"nside too fine", "net.onnx fine.fits -o out.fits", exitInput,
			[]string{"fine.fits", "reads maps of nside 32", "has nside 64", "--degrade averages the map down to nside 32"}},
		{"nside too coarse", "net.onnx coarse.fits -o out.fits", exitInput,
			[]string{"reads maps of nside 32", "has nside 16", "cannot gain resolution"}},
		{"ordering unknown", "net.onnx no-order.fits -o out.fits", exitInput,
			[]string{"no-order.fits", "no ORDERING", "--ordering RING or --ordering NESTED says it"}},
		{"ordering not legal", "net.onnx bad-order.fits -o out.fits", exitInput,
			[]string{"SPIRAL", "want RING or NESTED", "--ordering"}},
		{"ordering flag", "net.onnx wmap.fits -o out.fits --ordering SPIRAL", exitUsage,
			[]string{"--ordering SPIRAL", "expected RING or NESTED"}},
		{"NaN", "net.onnx nan.fits -o out.fits", exitInput,
			[]string{"nan.fits", "the map has 1 NaN, and the network does not know masks", "--unseen zero, mean or keep"}},
		{"UNSEEN", "net.onnx masked.fits -o out.fits", exitInput,
			[]string{"masked.fits", "masked or UNSEEN values", "--unseen zero, mean or keep"}},
		{"policy", "net.onnx wmap.fits -o out.fits --unseen one", exitUsage,
			[]string{"--unseen one", "expected auto, keep, zero, mean"}},
		{"truncated", "net.onnx truncated.fits -o out.fits", exitInput,
			[]string{"truncated.fits", "truncated FITS file"}},
		{"no FITS", "net.onnx text.fits -o out.fits", exitInput, []string{"text.fits", "want SIMPLE"}},
		{"no file", "net.onnx none.fits -o out.fits", exitInput, []string{"none.fits", "no such file"}},
		{"missing column", "net.onnx wmap.fits -o out.fits --columns I,Q,V", exitInput,
			[]string{"wmap.fits", `no column "V"`, "I_STOKES, Q_STOKES, U_STOKES"}},
		{"column number", "net.onnx wmap.fits -o out.fits --columns 0,1,3", exitInput,
			[]string{"no column 3", "0 to 2"}},
		{"too few columns", "net.onnx one.fits -o out.fits", exitInput,
			[]string{"reads 3 columns", "has 1 (T)"}},
		{"too few chosen", "net.onnx wmap.fits -o out.fits --columns I", exitInput,
			[]string{"--columns names 1", "reads 3"}},
		{"wrong dtype", "int64.onnx wmap.fits -o out.fits", exitInput,
			[]string{"int64.onnx", "expected floats of shape (N, C, pixel)", "got map int64[N,3,12288]"}},
		{"no such output", "net.onnx wmap.fits -o out.fits --output bands", exitOutput,
			[]string{"net.onnx", `no output "bands"`, "it has twice float32[N,3,12288]"}},
		{"scores into fits", "scores.onnx wmap.fits -o out.fits --output scores", exitOutput,
			[]string{"no map for out.fits", "scores float32[N,3]", "-o out.json"}},
		{"network order unknown", "unordered.onnx wmap.fits -o out.fits", exitInput,
			[]string{"does not say whether it reads RING or NESTED", "--network-ordering"}},
		{"network order not legal", "spiral.onnx wmap.fits -o out.fits", exitInput,
			[]string{"astronnx.map.ordering", "SPIRAL", "expected RING, NESTED or XY"}},
		{"network order contradicted", "net.onnx wmap.fits -o out.fits --network-ordering RING", exitUsage,
			[]string{"--network-ordering RING", "says that it reads NESTED"}},
		{"network metadata", "contradicts.onnx wmap.fits -o out.fits", exitInput,
			[]string{"astronnx.map.nside", "an integer from 1"}},
		{"no network", "none.onnx wmap.fits -o out.fits", exitInput, []string{"none.onnx", "no such file"}},
		{"network of text", "file wmap.fits -o out.fits", exitInput, []string{"file"}},
		{"map as network", "wmap.fits wmap.fits -o out.fits", exitInput, []string{"wmap.fits"}},
		{"folder missing", "net.onnx wmap.fits -o none/out.fits", exitOutput,
			[]string{"none/out.fits cannot be written", "no such file or directory"}},
		{"folder is a file", "net.onnx wmap.fits -o file/out.fits", exitOutput, []string{"file/out.fits", "not a directory"}},
		{"output is a device", "net.onnx wmap.fits -o /dev/null", exitUsage, []string{"/dev/null", "expected a name that ends in"}},
		{"output exists", "net.onnx wmap.fits -o exists.fits", exitOutput, []string{"exists.fits exists", "--overwrite"}},
		{"output without form", "net.onnx wmap.fits -o out", exitUsage, []string{"-o out", ".fits, .fits.gz, .npy, .npz or .json"}},
		{"no output named", "net.onnx wmap.fits", exitUsage, []string{"the network gives maps (twice", "-o out.fits"}},
		{"one name for two maps", "net.onnx wmap.fits one.fits -o out.fits", exitUsage, []string{"2 maps", "{map}"}},
		{"two results under one name", "net.onnx wmap.fits wmap.fits -o {map}x.fits", exitUsage, []string{"two results would go to wmapx.fits"}},
		{"two arrays in one npy", "scores.onnx wmap.fits -o out.npy", exitUsage, []string{"one array", "--output"}},
		{"second map bad", "net.onnx wmap.fits truncated.fits -o out-{map}.fits", exitInput, []string{"truncated.fits"}},
		{"mask of another nside", "net.onnx wmap.fits -o out.fits --mask coarse.fits", exitInput,
			[]string{"the mask has nside 16, the map 32"}},
		{"hdu", "net.onnx wmap.fits -o out.fits --hdu 7", exitInput, []string{"wmap.fits", "7"}},
		{"threads", "net.onnx wmap.fits -o out.fits --threads -1", exitUsage, []string{"--threads -1"}},
		{"engine", "net.onnx wmap.fits -o out.fits --engine fast", exitUsage, []string{"--engine fast", "onnxruntime or reference"}},
		{"no map", "net.onnx", exitUsage, []string{"expected MODEL and MAP or more, got net.onnx"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := entries(t, dir)
			args := append([]string{"run"}, strings.Fields(c.args)...)
			if !strings.Contains(c.args, "--engine") {
				args = append(args, inGo...)
			}
			r := call(t, args...)
			fails(t, r, c.code, c.want...)
			if r.out != "" {
				t.Errorf("printed %q", r.out)
			}
			if after := entries(t, dir); !slices.Equal(after, before) {
				t.Errorf("the failed run left %v, before it was %v", after, before)
			}
		})
	}
	if b, _ := os.ReadFile("exists.fits"); string(b) != "precious" {
		t.Error("an existing file was touched")
	}
}

func TestRunDegrades(t *testing.T) {
	dir := t.TempDir()
	net := toy{nside: 16, order: "NESTED", channels: 1}.write(t, dir)
	out := filepath.Join(dir, "out.fits")
	ok(t, append([]string{"run", net, wmap(t), "-o", out, "--degrade", "--columns", "Q"}, inGo...)...)
	got := readSky(t, out)
	if got.Nside != 16 || got.Order != healpix.Ring || len(got.Columns) != 1 || got.Columns[0].Name != "Q_STOKES" {
		t.Fatalf("got nside %d %v %v", got.Nside, got.Order, got.Columns)
	}
}

func TestRunOverwrites(t *testing.T) {
	dir := t.TempDir()
	net := toy{order: "RING"}.write(t, dir)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 2, healpix.Ring, "I"))
	args := append([]string{"run", net, in, "-o", in, "--overwrite"}, inGo...)
	ok(t, args...)
	want := floats(t, ramp(t, 2, healpix.Ring, "I").Columns[0])
	for p, v := range floats(t, readSky(t, in).Columns[0]) {
		if v != 2*want[p] {
			t.Fatalf("pixel %d: got %g, want %g", p, v, 2*want[p])
		}
	}
	if got := entries(t, dir); len(got) != 2 {
		t.Errorf("files: %v", got)
	}
}

func TestRunInterrupted(t *testing.T) {
	dir := t.TempDir()
	net := toy{order: "RING"}.write(t, dir)
	in := writeSky(t, filepath.Join(dir, "in.fits"), ramp(t, 2, healpix.Ring, "I"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errw bytes.Buffer
	args := append([]string{"run", net, in, "-o", filepath.Join(dir, "out.fits")}, inGo...)
	if code := execute(ctx, args, &out, &errw); code != exitInterrupted || !strings.Contains(errw.String(), "interrupted") {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, errw.String())
	}
	if got := entries(t, dir); len(got) != 2 {
		t.Errorf("files: %v", got)
	}
}

func TestHealpyReadsWhatRunWrites(t *testing.T) {
	python := testkit.Python(t, "healpy", "numpy")
	dir := t.TempDir()
	net := toy{nside: 32, order: "NESTED", channels: 3}.write(t, dir)
	out := filepath.Join(dir, "out.fits")
	ok(t, append([]string{"run", net, wmapMasked(t), "-o", out, "--unseen", "zero"}, inGo...)...)
	const script = `
import sys, healpy as hp, numpy as np
a = hp.read_map(sys.argv[1], field=None, dtype=None)
b, h = hp.read_map(sys.argv[2], field=None, dtype=None, h=True)
h = dict(h)
assert h["ORDERING"] == "RING" and h["NSIDE"] == 32, h
assert h["TTYPE2"] == "Q_STOKES", h
assert a.shape == b.shape == (3, 12288), (a.shape, b.shape)
good = a > -1e30
assert (~good).any()
assert (b[~good] == np.float32(hp.UNSEEN)).all()
assert (b[good] == 2 * a[good]).all()
n = hp.read_map(sys.argv[2], nest=True, dtype=None)
assert (n == hp.reorder(b[0], r2n=True)).all()
`
	if text, err := exec.Command(python, "-c", script, wmapMasked(t), out).CombinedOutput(); err != nil {
		t.Errorf("healpy: %v\n%s", err, text)
	}
}
