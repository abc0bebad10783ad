package export_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/engine/ort"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	"github.com/astronnx/astronnx/runtime"
)

var set = ops.Standard().With(healpixop.Set()).With(ops.Fused())

// net is a network under construction, as it is after training: its weights and statistics are random.
type net struct {
	*ops.Builder
	m *graph.Model
	r *rand.Rand
}

func newNet() *net {
	m := &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &graph.Graph{Name: "net"}}
	return &net{ops.NewBuilder(m.Graph, set, m.Opsets), m, rand.New(rand.NewPCG(5, 6))}
}

func (n *net) input(name string, dims ...int64) *graph.Value {
	t := graph.TensorType(graph.Float32, graph.Sym("N"))
	for _, d := range dims {
		t.Shape = append(t.Shape, graph.D(d))
	}
	return n.m.Graph.NewInput(name, t)
}

// normal is an initializer of normal numbers times scale.
func (n *net) normal(name string, scale float32, shape ...int64) *graph.Value {
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = scale * float32(n.r.NormFloat64())
	}
	return n.Param(name, t)
}

func (n *net) norm(x *graph.Value, c int64) *graph.Value {
	variance := n.normal("norm.var", 0, c)
	for i := range graph.Data[float32](variance.Const) {
		graph.Data[float32](variance.Const)[i] = 0.01 + n.r.Float32()
	}
	return n.Op("BatchNormalization", nil, x, n.normal("norm.weight", 1, c), n.normal("norm.bias", 1, c), n.normal("norm.mean", 1, c),
		variance)
}

func (n *net) dropout(x *graph.Value) *graph.Value {
	return n.Op("Dropout", nil, x, n.Float(graph.Float32, 0.5), n.Const(graph.Scalar(true)))
}

func (n *net) end(name string, y *graph.Value) *graph.Model {
	y.Name = name
	n.m.Graph.Outputs = append(n.m.Graph.Outputs, y)
	return n.m
}

// images has strided convolutions with BatchNormalization and dropout in training form, then a dense layer.
func images() *graph.Model {
	n := newNet()
	x := n.input("image", 2, 16, 16)
	attrs := graph.Attrs{"strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}}
	x = n.Op("LeakyRelu", nil, n.norm(n.Op("Conv", attrs, x, n.normal("conv1.weight", 0.3, 8, 2, 3, 3)), 8))
	y := n.OpN(3, "BatchNormalization", graph.Attrs{"training_mode": 1}, n.Op("Conv", attrs, x, n.normal("conv2.weight", 0.2, 8, 8, 3, 3),
		n.normal("conv2.bias", 1, 8)), n.normal("bn.weight", 1, 8), n.normal("bn.bias", 1, 8), n.normal("bn.mean", 1, 8),
		n.Param("bn.var", graph.FromSlice([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 8)))
	x = n.dropout(n.Op("Flatten", nil, n.Op("Relu", nil, y[0])))
	x = n.norm(n.Op("Gemm", nil, x, n.normal("fc.weight", 0.1, 8*4*4, 5), n.normal("fc.bias", 1, 5)), 5)
	return n.end("y", x)
}

func cubes() *graph.Model {
	n := newNet()
	x := n.norm(n.input("field", 1, 8, 8, 8), 1) // nothing precedes
	x = n.Op("Relu", nil, n.norm(n.Op("Conv", nil, x, n.normal("w", 0.3, 4, 1, 3, 3, 3)), 4))
	x = n.norm(n.Op("ConvTranspose", graph.Attrs{"strides": []int{2, 2, 2}}, x, n.normal("up", 0.3, 4, 2, 2, 2, 2)), 2)
	return n.end("cube", x)
}

// sphere is NNhealpix with a BatchNormalization after each convolution.
func sphere(t *testing.T) *graph.Model {
	n := newNet()
	n.m.Opsets[""], n.m.Opsets[healpixop.Domain] = 18, 1
	x := n.input("map", 2, 12*64)
	attrs := graph.Attrs{"nside": 8, "order": "RING"}
	x = n.norm(n.Op(healpixop.Domain+":HealpixConv", attrs, x, n.normal("conv.weight", 0.3, 6, 2, 9)), 6)
	x = n.Op(healpixop.Domain+":HealpixPool", graph.Attrs{"nside": 8, "order": "RING", "mode": "max"}, n.Op("Relu", nil, x))
	x = n.dropout(n.Op("Flatten", nil, x))
	x = n.Op("Gemm", nil, x, n.normal("fc.weight", 0.05, 6*12*16, 3), n.normal("fc.bias", 1, 3))
	m := n.end("y", x)
	m.Metadata = map[string]string{"astronnx.map.nside": "8", "astronnx.map.ordering": "RING", "astronnx.map.normalisation": "by hand"}
	if err := ops.AttachBodies(m, set); err != nil {
		t.Fatal(err)
	}
	return m
}

// example is a network with what its file is to hold.
type example struct {
	m    *graph.Model
	o    export.Options
	want string // of the changes, a text in each
}

func number(x float64) *float64 { return &x }

// examples are networks of every kind. Those of PyTorch come from train's testdata.
func examples(t *testing.T) map[string]example {
	t.Helper()
	bands, err := models.Multiresolution(models.MultiresolutionConfig{Nside: 8, Levels: 2})
	if err != nil {
		t.Fatal(err)
	}
	unseen := runtime.MapInfo{Unseen: number(models.Unseen), Unit: []string{"K"}, Columns: []string{"Q", "U"}}
	fused := newNet()
	fused.m.Opsets[ops.FusedDomain], fused.m.Opsets[""] = 1, 18
	fused.end("y", fused.norm(fused.Op(ops.FusedDomain+":Conv", nil, fused.input("x", 2, 9), fused.normal("w", 1, 3, 2, 3)), 3))
	all := map[string]example{
		"images": {m: images(), want: "folded into Conv"},
		"cubes":  {m: cubes(), want: "folded into ConvTranspose"},
		"sphere": {m: sphere(t), want: "folded into ai.astronnx.healpix:HealpixConv", o: export.Options{
			Inputs: map[string]export.Input{"map": {Map: unseen, Factor: 1e6, Offset: []float64{10, -20}, Scale: []float64{50, 60},
				Fill: number(0)}},
			Outputs: map[string]export.Output{"y": {Scale: []float64{0.1, 0.02, 5}, Offset: []float64{0.3, 0.96, 67},
				Parameters: []export.Parameter{{Name: "Om"}, {Name: "ns"}, {Name: "H0", Unit: "km/s/Mpc", Prior: &[2]float64{60, 80}}}}},
			Training: &export.Training{Data: "100 skies", Epochs: 4, Loss: "mse", Value: 0.25, Seed: 7}, Version: "1.2",
		}},
		"logarithm": {m: images(), want: "folded", o: export.Options{
			Inputs:  map[string]export.Input{"image": {Transform: export.Log, Factor: 2, Offset: []float64{1}, Scale: []float64{3}, Fill: number(-1)}},
			Outputs: map[string]export.Output{"y": {Exp: true, Scale: []float64{0.1}}},
		}},
		"arcsinh": {m: cubes(), want: "product", o: export.Options{Opset: 21,
			Inputs: map[string]export.Input{"field": {Transform: export.Asinh, Softening: 0.1, Scale: []float64{2}}},
		}},
		"batch norm kept": {m: images(), o: export.Options{KeepBatchNorm: true}, want: "uses its running statistics"},
		"fused":           {m: fused.m},
		"bands":           {m: bands},
	}
	files, err := filepath.Glob("../train/testdata/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("no networks of PyTorch: %v", err)
	}
	for _, file := range files {
		m, err := onnxio.LoadFile(file, onnxio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all["PyTorch's "+strings.TrimSuffix(filepath.Base(file), ".onnx")] = example{m: m}
	}
	return all
}

// canLoad reports whether the build can load libraries.
func canLoad() bool {
	s, _ := ort.Find("", false)
	return len(s.Tried) == 0 || s.Tried[0].Where != "this build"
}

// library says where onnxruntime is, in a build that can load it.
func library(t testing.TB) runtime.Config {
	t.Helper()
	if !canLoad() {
		return runtime.NewConfig()
	}
	return runtime.NewConfig().WithLibrary(testkit.ORT(t))
}
