package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpix"
	"github.com/astronnx/astronnx/sky"
)

// noiseMaps are maps of white noise at nside 2, with the noise's spread as the target: what a network can learn from pixels.
func noiseMaps(n int) (maps, target *graph.Tensor) {
	maps, target = graph.NewTensor(graph.Float32, int64(n), 1, 48), graph.NewTensor(graph.Float32, int64(n), 1)
	maps.Name, target.Name = "map", "target"
	rng := dataset.RNG(3)
	for i := range n {
		s := 0.5 + rng.Float64()
		graph.Data[float32](target)[i] = float32(s)
		for p := range 48 {
			graph.Data[float32](maps)[48*i+p] = float32(s * rng.NormFloat64())
		}
	}
	return maps, target
}

func writeArrays(t testing.TB, path string, arrays ...*graph.Tensor) string {
	t.Helper()
	write := func() error { return sky.WriteArrays(path, arrays...) }
	if filepath.Ext(path) == ".npy" {
		write = func() error { return sky.WriteCube(path, arrays[0]) }
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	return path
}

// tiny is a network over maps of nside 2.
const tiny = "nnhealpix:nside=2,filters=8,hidden=16,outputs=1"

func TestTrain(t *testing.T) {
	dir := t.TempDir()
	maps, target := noiseMaps(128)
	data := writeArrays(t, filepath.Join(dir, "noise.npz"), maps, target)
	run := filepath.Join(dir, "run")
	args := append([]string{"train", tiny, "--data", data, "--checkpoint", run, "--batch", "16", "--rate", "1e-2", "--seed", "5"}, engineArgs(t)...)
	r := decode[trained](t, ok(t, append(args, "--epochs", "12", "--json")...).out)

	// The variance of the target is 1/12.
	if !(r.BestLoss < 1./24) || len(r.History) != 12 || r.Samples != 115 || r.Validation != 13 || r.Steps != 12*7 || r.Parameters == 0 {
		t.Errorf("got %+v", r)
	}
	if v := r.History[r.BestEpoch].Validation; v == nil || *v != r.BestLoss {
		t.Errorf("epoch %d has loss %v, the best is %v", r.BestEpoch, v, r.BestLoss)
	}
	for _, c := range r.Checks {
		if !(c.Difference <= c.Tolerance) {
			t.Errorf("check %+v", c)
		}
	}
	files := entries(t, run)
	for _, want := range []string{"best.npz", "events.out.tfevents.astronnx", "history.csv", "loss.png", "network.onnx"} {
		if !slices.Contains(files, want) {
			t.Errorf("no %s in %v", want, files)
		}
	}
	openPNG(t, filepath.Join(run, "loss.png"))
	rows, err := os.ReadFile(filepath.Join(run, "history.csv"))
	if lines := strings.Split(strings.TrimSpace(string(rows)), "\n"); err != nil || len(lines) != 13 || !strings.HasPrefix(lines[12], "11,84,") {
		t.Errorf("history.csv is %q, %v", rows, err)
	}
	in := decode[inspection](t, ok(t, "inspect", r.File, "--json").out)
	var told export.Training
	if err := json.Unmarshal([]byte(in.Metadata["astronnx.training"]), &told); err != nil || told.Samples != 115 || told.Loss != "mse" ||
		told.Epochs != r.BestEpoch+1 || told.Value != r.BestLoss || told.Seed != 5 || told.Data != data {
		t.Errorf("the file says %q, %v", in.Metadata["astronnx.training"], err)
	}

	// The file gives the losses that were reported: on all samples one between those of its parts.
	net, err := readNetwork(r.File)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := (&engineFlags{provider: "cpu"}).config()
	if err != nil {
		t.Fatal(err)
	}
	if err := net.open(cfg.WithEngine("reference"), 0); err != nil {
		t.Fatal(err)
	}
	defer net.close()
	y, err := net.model.RunList(t.Context(), maps)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, v := range graph.Data[float32](y[0]) {
		d := float64(v - graph.Data[float32](target)[i])
		sum += d * d / 128
	}
	if !(sum < 1./24) {
		t.Errorf("the file's loss is %v", sum)
	}

	// More epochs go on from the checkpoint, with a line each.
	more := ok(t, append(args, "--epochs", "14")...)
	if n := strings.Count(more.err, "epoch "); n != 2 || !strings.Contains(more.err, "epoch 14/14  loss ") ||
		!strings.Contains(more.err, "left\n") || !strings.Contains(more.out, "84 of them before") || !strings.Contains(more.out, "wrote "+r.File) {
		t.Errorf("%s%s", more.err, more.out)
	}
}

// A run that is interrupted says how it goes on, and does.
func TestTrainInterrupted(t *testing.T) {
	dir := t.TempDir()
	maps, target := noiseMaps(64)
	data := writeArrays(t, filepath.Join(dir, "noise.npz"), maps, target)
	run := filepath.Join(dir, "run")
	args := append([]string{"train", tiny, "--data", data, "--checkpoint", run, "--batch", "8", "--epochs", "40"}, engineArgs(t)...)
	ctx, cancel := context.WithCancel(t.Context())
	w := &cancelling{after: 3, cancel: cancel}
	if code := execute(ctx, args, new(bytes.Buffer), w); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s", code, w.String())
	}
	if last := w.String(); !strings.Contains(last, "interrupted in epoch 4 of 40, after 21 steps; the same command goes on from "+run) {
		t.Errorf("got %s", last)
	}
	if files := entries(t, run); slices.Contains(files, "network.onnx") || slices.ContainsFunc(files, func(f string) bool { return f[0] == '.' }) {
		t.Errorf("files: %v", files)
	}
	r := decode[trained](t, ok(t, append(args, "--json")...).out)
	if r.Resumed != 21 || len(r.History) != 40 {
		t.Errorf("resumed after %d steps, %d epochs: want 21 and 40", r.Resumed, len(r.History))
	}
}

// cancelling cancels after so many lines.
type cancelling struct {
	bytes.Buffer
	after  int
	cancel func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	if c.after--; c.after == 0 {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

func TestTrainSearch(t *testing.T) {
	dir := t.TempDir()
	maps, target := noiseMaps(64)
	data := writeArrays(t, filepath.Join(dir, "noise.npz"), maps, target)
	runs := filepath.Join(dir, "runs")
	args := append([]string{"train", tiny, "--data", data, "--checkpoint", runs, "--epochs", "3", "--search", "rate=1e-2,1e30,1e-5",
		"--search", "hidden=int:7:8", "--batch", "8", "--optimizer", "sgd", "--parallel", "2"}, engineArgs(t)...)
	first := ok(t, args...)
	if n := strings.Count(first.err, "\n"); n != 6 || strings.Count(first.err, "diverged") != 2 {
		t.Errorf("got %s", first.err)
	}
	r := decode[searched](t, ok(t, append(args, "--json")...).out)
	if len(r.Trials) != 6 || r.Trials[0].Point["rate"] != 1e-2 || r.Trials[4].Failure == "" || r.Trials[5].Failure == "" {
		t.Fatalf("got %+v", r)
	}
	lines := strings.Split(first.out, "\n")
	if len(lines) < 8 || !strings.Contains(lines[0], "rate  hidden      loss  epoch  of") || !strings.Contains(lines[2], "0.01") ||
		!strings.Contains(lines[7], "diverged") || !strings.Contains(first.out, "network.onnx, of run "+strconv.Itoa(r.Trials[0].Run)) {
		t.Errorf("got %s", first.out)
	}
	in := decode[inspection](t, ok(t, "inspect", r.File, "--json").out)
	if want := fmt.Sprintf(`"hidden":%v`, r.Trials[0].Point["hidden"]); !strings.Contains(in.Metadata["astronnx.config"], want) {
		t.Errorf("the network of %s was written: want %s", in.Metadata["astronnx.config"], want)
	}
	if files := entries(t, runs); !slices.Equal(files, []string{"network.onnx", "run-001", "run-002", "run-003", "run-004", "run-005", "run-006", "search.csv"}) {
		t.Errorf("files: %v", files)
	}
	for text, want := range map[string]string{
		"rate":             "NAME=RANGE",
		"rate=log:1":       "log:LOW:HIGH",
		"rate=log:1:0":     "log:LOW:HIGH",
		"batch=int:1:2.5":  "int:LOW:HIGH",
		"batch=some":       `"some" is no number`,
		"batch=1.5":        "no whole number",
		"width=1,2":        `no option "width"`,
		"rate=log:1:2":     "a grid has no end along rate",
		"dropout=0.1,0.5":  "no Dropout",
		"rate=log:0:1e-3":  "expected a range above 0",
		"rate=uniform:1:1": "expected a range",
	} {
		r := call(t, append([]string{"train", tiny, "--data", data, "-o", filepath.Join(dir, "x.onnx"), "--search", text}, engineArgs(t)...)...)
		if r.code != exitUsage && r.code != exitInput || !strings.Contains(r.err, want) {
			t.Errorf("--search %s: exit code %d, %s", text, r.code, r.err)
		}
	}
}

// A drawn ratio is that of all Dropout nodes, in a file as well.
func TestDropoutOfAFile(t *testing.T) {
	net := trainedNetwork(t, t.TempDir())
	for _, ratio := range []float64{-1, 0.25} {
		m, err := (&trainFlags{dropout: ratio}).openNetwork(net)
		if err != nil {
			t.Fatal(err)
		}
		n := m.Graph.Nodes[slices.IndexFunc(m.Graph.Nodes, func(n *graph.Node) bool { return n.Op == "Dropout" })]
		if got := n.Input(1); (got != nil) != (ratio >= 0) || got != nil && graph.Data[float32](got.Const)[0] != float32(ratio) {
			t.Errorf("ratio %g: the node reads %v", ratio, got)
		}
	}
	if _, err := (&trainFlags{dropout: -1, network: map[string]string{"nside": "2"}}).openNetwork(net); exitCode(err) != exitUsage {
		t.Errorf("an option of a file: got %v", err)
	}
}

// Samples of all kinds of files: what is read for a map must be the target of this map.
func TestSamples(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const n = 24
	maps, target := noiseMaps(n)
	same := func(x *graph.Tensor, name string, shape ...int64) *graph.Tensor {
		y := *x
		y.Name, y.Shape = name, shape
		return &y
	}
	sim := graph.NewTensor(graph.Int64, n)
	sim.Name = "sim"
	var table, named strings.Builder
	table.WriteString("spread,sim,other\n")
	named.WriteString("# file spread\n")
	for i := range n {
		k := n - 1 - i
		graph.Data[int64](sim)[i] = int64(i / 3)
		s := graph.Data[float32](target)
		table.WriteString(strconv.FormatFloat(float64(s[i]), 'g', -1, 32) + "," + strconv.Itoa(i/3) + ",7\n")
		named.WriteString("map_" + strconv.Itoa(k) + ".fits " + strconv.FormatFloat(float64(s[k]), 'g', -1, 32) + "\n")
		m := &sky.Map{Nside: 2, Order: healpix.Ring}
		for _, c := range []float32{1, 10} {
			values := slices.Clone(graph.Data[float32](maps)[48*i : 48*(i+1)])
			for p := range values {
				values[p] *= c
			}
			m.Columns = append(m.Columns, sky.Column{Name: "I" + strconv.Itoa(int(c)), Data: graph.FromSlice(values, 48)})
		}
		if m, err := m.Reorder(healpix.Nested); err != nil || sky.WriteMap(in("map_"+strconv.Itoa(i)+".fits"), m) != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"table.csv": table.String(), "named.txt": named.String()} {
		if err := os.WriteFile(in(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	writeArrays(t, in("both.npz"), maps, target)
	writeArrays(t, in("grouped.npz"), same(maps, "map", n, 48), target, sim)
	writeArrays(t, in("maps.npy"), same(maps, "", n, 48))
	writeArrays(t, in("targets.npy"), same(target, "", n))
	writeArrays(t, in("one_map.npz"), same(maps, "x", n, 1, 48))
	for i := range 2 {
		writeArrays(t, in("shard_"+strconv.Itoa(i)+".npz"),
			&graph.Tensor{Name: "map", DType: graph.Float32, Shape: []int64{n / 2, 1, 48}, Raw: maps.Raw[i*len(maps.Raw)/2 : (i+1)*len(maps.Raw)/2]},
			&graph.Tensor{Name: "target", DType: graph.Float32, Shape: []int64{n / 2, 1}, Raw: target.Raw[i*len(target.Raw)/2 : (i+1)*len(target.Raw)/2]})
	}

	for name, c := range map[string]struct {
		flags  trainFlags
		factor float32
		notes  []string
	}{
		"npz":           {flags: trainFlags{data: []string{"both.npz"}}},
		"shards":        {flags: trainFlags{data: []string{"shard_*.npz"}}},
		"npy":           {flags: trainFlags{data: []string{"maps.npy"}, target: []string{"targets.npy"}}, notes: []string{"--data: data is map", "--target: data is target"}},
		"other name":    {flags: trainFlags{data: []string{"one_map.npz"}, target: []string{"targets.npy"}}, notes: []string{"--data: x is map", "--target: data is target"}},
		"table":         {flags: trainFlags{data: []string{"maps.npy"}, target: []string{"table.csv"}, columns: []string{"spread"}}, notes: []string{"--data: data is map"}},
		"maps":          {flags: trainFlags{data: []string{"map_*.fits"}, target: []string{"named.txt"}}, notes: []string{"--target: rows by the files in column file"}},
		"column":        {flags: trainFlags{data: []string{"map_*.fits"}, target: []string{"named.txt"}, dataColumns: []string{"I10"}}, factor: 10, notes: []string{"--target: rows by the files in column file"}},
		"groups":        {flags: trainFlags{data: []string{"grouped.npz"}, group: "sim"}},
		"table groups":  {flags: trainFlags{data: []string{"maps.npy"}, target: []string{"table.csv"}, columns: []string{"spread"}, group: "sim"}, notes: []string{"--data: data is map"}},
		"validation":    {flags: trainFlags{data: []string{"both.npz"}, validation: in("both.npz")}},
		"maps to judge": {flags: trainFlags{data: []string{"map_*.fits"}, target: []string{"named.txt"}, validation: in("map_*.fits")}, notes: []string{"--target: rows by the files in column file"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.flags
			f.loss, f.optimizer, f.schedule, f.unseen, f.batch, f.dropout = "mse", "adam", "constant", "auto", 4, -1
			f.engine.provider = "cpu"
			if f.validation == "" {
				f.validation = "0.25"
			}
			for _, list := range [][]string{f.data, f.target} {
				for i := range list {
					list[i] = in(list[i])
				}
			}
			run, err := f.build(tiny)
			if err != nil {
				t.Fatal(err)
			}
			s, err := f.samples(t.Context(), run.ports)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.notes, c.notes) {
				t.Errorf("notes %q, want %q", s.notes, c.notes)
			}
			if strings.Contains(f.validation, "/") {
				if s.training.Len() != n || s.validation.Len() != n {
					t.Errorf("%d samples and %d: want %d in both", s.training.Len(), s.validation.Len(), n)
				}
			} else if s.training.Len() != 18 || s.validation.Len() != 6 {
				t.Errorf("%d samples and %d: want 18 and 6", s.training.Len(), s.validation.Len())
			}
			seen := map[int]bool{}
			groups := map[int]int{}
			for part, ds := range []dataset.Dataset{s.training, s.validation} {
				for i := range ds.Len() {
					k := sampleOf(t, ds, i, maps, target, max(c.factor, 1))
					seen[k] = true
					if g, ok := groups[k/3]; ok && g != part && f.group != "" {
						t.Errorf("group %d is in both parts", k/3)
					}
					groups[k/3] = part
				}
			}
			if len(seen) != n {
				t.Errorf("%d different samples, want %d", len(seen), n)
			}
		})
	}
}

// sampleOf returns which map sample i holds, and checks that its target is that map's.
func sampleOf(t *testing.T, ds dataset.Dataset, i int, maps, target *graph.Tensor, factor float32) int {
	t.Helper()
	into := []*graph.Tensor{graph.NewTensor(graph.Float32, 1, 1, 48), graph.NewTensor(graph.Float32, 1, 1)}
	for k, f := range ds.Fields() {
		if want := []string{"map", "target"}[k]; f.Name != want {
			t.Fatalf("field %d is %s, want %s", k, f.Name, want)
		}
	}
	if err := ds.Read(t.Context(), []int{i}, into); err != nil {
		t.Fatal(err)
	}
	got := graph.Data[float32](into[0])
	for k := range int(maps.Shape[0]) {
		if graph.Data[float32](maps)[48*k]*factor != got[0] {
			continue
		}
		for p, v := range graph.Data[float32](maps)[48*k : 48*(k+1)] {
			if v*factor != got[p] {
				t.Fatalf("pixel %d of map %d is %g, want %g", p, k, got[p], v*factor)
			}
		}
		if y := graph.Data[float32](into[1])[0]; y != graph.Data[float32](target)[k] {
			t.Errorf("the target of map %d is %g, want %g", k, y, graph.Data[float32](target)[k])
		}
		return k
	}
	t.Fatalf("sample %d is no map", i)
	return 0
}

func TestTrainRefuses(t *testing.T) {
	dir := t.TempDir()
	maps, target := noiseMaps(32)
	data := writeArrays(t, filepath.Join(dir, "noise.npz"), maps, target)
	extra := graph.NewTensor(graph.Float32, 32, 48)
	extra.Name = "extra"
	renamed := *maps
	renamed.Name = "sky"
	three := writeArrays(t, filepath.Join(dir, "three.npz"), &renamed, extra, target)
	table := filepath.Join(dir, "table.csv")
	if err := os.WriteFile(table, []byte("a,b\n1,2\n3,4\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	holes := ramp(t, 2, healpix.Ring, "I")
	floats(t, holes.Columns[0])[5] = healpix.Unseen
	writeSky(t, filepath.Join(dir, "hole_0.fits"), holes)
	writeSky(t, filepath.Join(dir, "hole_1.fits"), holes)
	nan := graph.NewTensor(graph.Float32, 32, 1)
	graph.Data[float32](nan)[7] = float32(math.NaN())
	bad := writeArrays(t, filepath.Join(dir, "nan.npy"), nan)
	before := entries(t, dir)

	out := filepath.Join(dir, "out.onnx")
	for name, c := range map[string]struct {
		args string
		code int
		want []string
	}{
		"no data":    {tiny + " -o " + out, exitUsage, []string{"--data FILES"}},
		"no output":  {tiny + " --data " + data, exitUsage, []string{"-o FILE.onnx or --checkpoint FOLDER"}},
		"network":    {"resnet -o " + out + " --data " + data, exitInput, []string{"resnet"}},
		"option":     {"nnhealpix:width=3 -o " + out + " --data " + data, exitUsage, []string{`no option "width"`}},
		"no value":   {"nnhealpix:nside -o " + out + " --data " + data, exitUsage, []string{"nnhealpix:option=value"}},
		"loss":       {tiny + " --loss l2 -o " + out + " --data " + data, exitUsage, []string{"--loss l2", "mse, mae"}},
		"optimizer":  {tiny + " --optimizer lion -o " + out + " --data " + data, exitUsage, []string{"--optimizer lion", "adamw"}},
		"schedule":   {tiny + " --schedule step:x -o " + out + " --data " + data, exitUsage, []string{"--schedule step:x", `"x" is no number`}},
		"augment":    {tiny + " --augment flips -o " + out + " --data " + data, exitUsage, []string{"--augment flips", "squares"}},
		"no images":  {tiny + " --augment squares -o " + out + " --data " + data, exitInput, []string{"fits nothing of map float32[1 48], target float32[1]"}},
		"no file":    {tiny + " -o " + out + " --data " + filepath.Join(dir, "none*.npz"), exitInput, []string{"no file matches", "--data"}},
		"kind":       {tiny + " -o " + out + " --data " + data + " --data " + table, exitInput, []string{"holds arrays", "table.csv a table"}},
		"fields":     {tiny + " -o " + out + " --data " + three, exitInput, []string{"extra float32[48], sky float32[1 48], target float32[1]", "read map float32[1 48], target float32[1]", "map=..."}},
		"columns":    {tiny + " -o " + out + " --data " + data + " --target " + table, exitInput, []string{"2 columns (a, b) for target", "--columns names 1 of a, b"}},
		"rows":       {"nnhealpix:nside=2,outputs=2 -o " + out + " --data " + data + " --target " + table, exitInput, []string{"--data holds 32 samples, --target 2"}},
		"validation": {tiny + " -o " + out + " --validation 1.5 --data " + data, exitUsage, []string{"--validation 1.5"}},
		"group":      {tiny + " -o " + out + " --group sim --data " + data, exitInput, []string{"--group", `"sim"`}},
		"batch":      {tiny + " -o " + out + " --batch 64 --data " + data, exitInput, []string{"no batch of 64"}},
		"nan":        {tiny + " -o " + out + " --data " + writeArrays(t, filepath.Join(t.TempDir(), "m.npy"), maps) + " --target " + bad, exitInput, []string{"sample 7", "target", "want finite numbers"}},
		"holes":      {tiny + " -o " + out + " --batch 1 --validation 0 --data " + filepath.Join(dir, "hole_*.fits") + " --target " + table + " --columns a", exitInput, []string{"hole_", "without data", "--unseen zero or keep"}},
		"exists":     {tiny + " -o " + data + " --data " + data, exitOutput, []string{"exists"}},
		"unseen":     {tiny + " --unseen mean -o " + out + " --data " + data, exitUsage, []string{"--unseen mean"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := call(t, append(append([]string{"train"}, strings.Fields(c.args)...), append(engineArgs(t), "-q")...)...)
			fails(t, r, c.code, c.want...)
		})
	}
	if after := entries(t, dir); !slices.Equal(after, before) {
		t.Errorf("the failed runs left %v", after)
	}
}
