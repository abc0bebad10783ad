package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/sky"
)

// raw returns values for a file's input: noise in its units, with missing pixels where the file takes them.
func raw(info runtime.Info, p export.Input) *graph.Tensor {
	r := rand.New(rand.NewPCG(11, 12))
	shape := make([]int64, len(info.Shape()))
	for i, d := range info.Shape() {
		if shape[i] = d.Size; !d.Known() {
			shape[i] = 2
		}
	}
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range graph.Data[float32](t) {
		v := r.NormFloat64()
		if p.Transform == export.Log {
			v = math.Exp(v)
		}
		if p.Factor > 1e3 {
			v *= 50 / p.Factor
		}
		switch {
		case p.Fill == nil || r.IntN(20) > 0:
		case p.Map.Unseen != nil && r.IntN(2) == 0:
			v = *p.Map.Unseen
		default:
			v = math.NaN()
		}
		graph.Data[float32](t)[i] = float32(v)
	}
	return t
}

// TestWrite exports every example and holds the file to the standard, to its metadata and to stock onnxruntime.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for name, e := range examples(t) {
		t.Run(name, func(t *testing.T) {
			before := e.m.Clone()
			e.o.Engine = library(t)
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+".onnx")
			r, err := export.Write(path, e.m, e.o)
			if err != nil {
				t.Fatal(err)
			}
			if d := graph.Diff(e.m, before); d != nil {
				t.Errorf("the network was changed: %q", d)
			}
			if !strings.Contains(strings.Join(r.Changes, "\n"), e.want) {
				t.Errorf("no %q among %q", e.want, r.Changes)
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() != r.Bytes || r.Opset > export.NewestOpset || len(r.Checksum) != 64 {
				t.Errorf("%v; report %+v", err, r)
			}
			engines := map[string]bool{}
			for _, c := range r.Checks {
				engines[strings.SplitN(c.Engine, " ", 2)[0]] = true
				if c.Tolerance != export.Tolerance || c.Difference > c.Tolerance*1.1 {
					t.Errorf("%+v", c)
				}
			}
			if !engines["reference"] || engines["onnxruntime"] != canLoad() || canLoad() == (len(r.Notes) > 0) {
				t.Errorf("compared on %v, notes %q", engines, r.Notes)
			}
			gone(t, path, e.o)
			saveRun(t, path, e.o)
		})
	}
	if t.Failed() {
		return
	}
	var stderr bytes.Buffer
	cmd := exec.Command(testkit.Python(t, "onnx", "onnxruntime"), "testdata/check.py", dir)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var differences map[string]float64
	if err := json.Unmarshal(out, &differences); err != nil || len(differences) != len(examples(t)) {
		t.Fatalf("%v: %s", err, out)
	}
	for name, d := range differences {
		if !(d <= 1e-5) {
			t.Errorf("%s: stock onnxruntime differs by %.3g of the largest value", name, d)
		}
	}
}

// gone checks that the file has nothing that only training needs.
func gone(t *testing.T, path string, o export.Options) {
	t.Helper()
	m, err := onnxio.LoadFile(path, onnxio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Metadata["astronnx.checksum"] != export.Checksum(m) {
		t.Error("the checksum is not that of the file's weights")
	}
	m.Graph.Walk(func(_ *graph.Graph, n *graph.Node) bool {
		switch {
		case n.Op == "Dropout", n.Op == "BatchNormalization" && (!o.KeepBatchNorm || len(n.Out) > 1 || n.Attrs.Has("training_mode")):
			t.Errorf("%s %s is in the file", n.Op, n.Name)
		case n.Domain != "" && m.Function(n) == nil:
			t.Errorf("%s has no body", n.OpName())
		}
		return true
	})
}

// saveRun runs the file on the reference engine and saves inputs and outputs beside it.
func saveRun(t *testing.T, path string, o export.Options) {
	t.Helper()
	model, err := runtime.Load(path, runtime.NewConfig().WithEngine("reference").WithOps(set))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	in := runtime.Inputs{}
	var saved []*graph.Tensor
	for _, info := range model.Inputs() {
		x := raw(info, o.Inputs[info.Name])
		in[info.Name], x.Name = x, info.Name
		saved = append(saved, x)
	}
	out, err := model.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	stem := strings.TrimSuffix(path, ".onnx")
	if err := sky.WriteArrays(stem+".in.npz", saved...); err != nil {
		t.Fatal(err)
	}
	saved = nil
	for name, y := range out {
		y.Name = name
		saved = append(saved, y)
	}
	if err := sky.WriteArrays(stem+".out.npz", saved...); err != nil {
		t.Fatal(err)
	}
}

func TestMetadata(t *testing.T) {
	e := examples(t)["sphere"]
	e.o.Metadata = map[string]string{"astronnx.training": "other", "author": "me"}
	m, err := export.Prepare(e.m, e.o)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"astronnx.map.nside": "8", "astronnx.map.ordering": "RING", "astronnx.map.unit": "K", "astronnx.map.columns": "Q,U",
		"astronnx.map.unseen":        "-1.6375e+30",
		"astronnx.map.preprocessing": `{"factor":1000000,"offset":[10,-20],"scale":[50,60],"fill":0}`,
		"astronnx.y.postprocessing":  `{"scale":[0.1,0.02,5],"offset":[0.3,0.96,67]}`,
		"astronnx.y.columns":         "Om,ns,H0", "astronnx.y.unit": ",,km/s/Mpc",
		"astronnx.parameters": `{"y":[{"name":"Om"},{"name":"ns"},{"name":"H0","unit":"km/s/Mpc","prior":[60,80]}]}`,
		"astronnx.training":   "other", "author": "me", "astronnx.version": "1.2", "astronnx.checksum": export.Checksum(m),
	}
	for k, v := range want {
		if m.Metadata[k] != v {
			t.Errorf("%s is %q want %q", k, m.Metadata[k], v)
		}
	}
	if len(m.Metadata) != len(want) { // what the network said of its normalisation is inside now
		t.Errorf("got %v", m.Metadata)
	}
	delete(e.o.Metadata, "astronnx.training")
	if m, err = export.Prepare(e.m, e.o); err != nil {
		t.Fatal(err)
	}
	const training = `{"data":"100 skies","epochs":4,"loss":"mse","value":0.25,"seed":7}`
	if got := m.Metadata["astronnx.training"]; got != training {
		t.Errorf("got %s want %s", got, training)
	}
	model, err := runtime.Compile(m, runtime.NewConfig().WithEngine("reference").WithOps(set))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if in := model.Inputs()[0].Map; in.Nside != 8 || *in.Unseen != models.Unseen || in.Unit[0] != "K" {
		t.Errorf("the runtime reads %+v", in)
	}
	w := m.Graph.Initializers[0]
	c := *w.Const
	c.Raw = append([]byte{^c.Raw[0]}, c.Raw[1:]...)
	w.Const = &c
	if export.Checksum(m) == m.Metadata["astronnx.checksum"] {
		t.Error("the checksum does not see a changed weight")
	}
}

func TestFloat16(t *testing.T) {
	dir := t.TempDir()
	m := images()
	full, err := export.Write(filepath.Join(dir, "full.onnx"), m, export.Options{Engine: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	half, err := export.Write(filepath.Join(dir, "half.onnx"), m, export.Options{Engine: library(t), Float16: true})
	if err != nil {
		t.Fatal(err)
	}
	if half.Halved != 3 || !(half.HalvedError > 0 && half.HalvedError <= 1./2048) {
		t.Errorf("%d tensors, error %g", half.Halved, half.HalvedError)
	}
	if half.Bytes > full.Bytes*2/3 || half.Checksum == full.Checksum {
		t.Errorf("%d bytes against %d", half.Bytes, full.Bytes)
	}
	for _, c := range half.Checks {
		if c.Tolerance != export.Float16Tolerance || c.Difference == 0 {
			t.Errorf("%+v", c)
		}
	}
	m.Graph.Initializers[0].Const = m.Graph.Initializers[0].Const.Clone()
	graph.Data[float32](m.Graph.Initializers[0].Const)[0] = 1e6 // float16 ends at 65504
	p, err := export.Prepare(m, export.Options{Float16: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Graph.Initializers[0].Const.DType; d != graph.Float32 {
		t.Errorf("1e6 is stored as %s", d)
	}
}

// TestRefusedDifference exports a network that no file can equal: the random numbers of two runs differ.
func TestRefusedDifference(t *testing.T) {
	n := newNet()
	x := n.input("x", 3)
	m := n.end("noisy", n.Add(x, n.Op("RandomNormalLike", nil, x)))
	dir := t.TempDir()
	_, err := export.Write(filepath.Join(dir, "net.onnx"), m, export.Options{Engine: library(t)})
	if err == nil || !strings.Contains(err.Error(), `output "noisy"`) || !strings.Contains(err.Error(), "reference") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestSamples compares on what the caller gives.
func TestSamples(t *testing.T) {
	o := export.Options{Engine: library(t), Samples: []runtime.Inputs{{"image": graph.NewTensor(graph.Float32, 3, 2, 16, 16)}}}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if _, err := export.Write(path, images(), o); err != nil {
		t.Error(err)
	}
	o.Samples = []runtime.Inputs{{"picture": graph.NewTensor(graph.Float32, 3, 2, 16, 16)}}
	if _, err := export.Write(path, images(), o); err == nil || !strings.Contains(err.Error(), "picture") {
		t.Errorf("got %v", err)
	}
}

func TestRefused(t *testing.T) {
	with := func(p export.Input) export.Options {
		return export.Options{Inputs: map[string]export.Input{"image": p}}
	}
	gives := func(p export.Output) export.Options { return export.Options{Outputs: map[string]export.Output{"y": p}} }
	for name, c := range map[string]struct {
		o    export.Options
		want string
	}{
		"input":      {export.Options{Inputs: map[string]export.Input{"map": {}}}, `no input is called "map"`},
		"output":     {export.Options{Outputs: map[string]export.Output{"z": {}}}, `no output is called "z"`},
		"channels":   {with(export.Input{Offset: []float64{1, 2, 3}}), "3 numbers for 2 channels"},
		"zero":       {with(export.Input{Scale: []float64{0}}), "none to divide by that is 0"},
		"infinite":   {with(export.Input{Offset: []float64{math.Inf(1)}}), "finite"},
		"factor":     {with(export.Input{Factor: -1}), "factor is -1"},
		"transform":  {with(export.Input{Transform: "sqrt"}), `transform is "sqrt"`},
		"parameters": {gives(export.Output{Parameters: []export.Parameter{{Name: "a"}}}), "1 parameters for 5 channels"},
		"opset":      {export.Options{Opset: 22}, "opset 22: expected at most 21"},
		"old opset":  {export.Options{Opset: 8, Inputs: map[string]export.Input{"image": {Factor: 2}}}, "opset 8: expected 9 or later"},
	} {
		if _, err := export.Prepare(images(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
