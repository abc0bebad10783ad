package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/sky"
)

// trainedNetwork writes a convolution with BatchNormalization and Dropout.
func trainedNetwork(t testing.TB, dir string) string {
	t.Helper()
	g := &graph.Graph{Name: "net"}
	vector := func(name string, x ...float32) *graph.Value { return g.NewConst(name, graph.Vector(x...)) }
	node := func(op string, in ...*graph.Value) *graph.Value {
		y := &graph.Value{Name: op}
		n := graph.NewNode("", op, nil, in, []*graph.Value{y})
		n.Name = "the_" + op
		g.Append(n)
		return y
	}
	dims := []graph.Dim{graph.Sym("N"), graph.D(2), graph.D(9)}
	w := graph.NewTensor(graph.Float32, 2, 2, 30)
	for i := range graph.Data[float32](w) {
		graph.Data[float32](w)[i] = float32(i%7) - 3
	}
	x := g.NewInput("x", graph.TensorType(graph.Float32, dims[0], dims[1], graph.D(38)))
	y := node("Conv", x, g.NewConst("w", w))
	y = node("BatchNormalization", y, vector("scale", 1, 2), vector("bias", 3, 4), vector("mean", 5, 6), vector("var", 7, 8))
	y = node("Dropout", y)
	y.Name, y.Type = "y", graph.TensorType(graph.Float32, dims...)
	g.Outputs = []*graph.Value{y}
	return writeModel(t, filepath.Join(dir, "trained.onnx"), &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
}

func exportLibrary(t testing.TB) []string {
	if !canLoad() {
		return nil
	}
	return []string{"--library", testkit.ORT(t)}
}

func TestExport(t *testing.T) {
	dir := t.TempDir()
	net := trainedNetwork(t, dir)
	out, weights := filepath.Join(dir, "out.onnx"), filepath.Join(dir, "out.npz")
	args := append([]string{"export", net, "-o", out, "--weights", weights, "--metadata", "astronnx.x.unit=uK", "--metadata", "a=b=c"},
		exportLibrary(t)...)
	r := decode[exported](t, ok(t, append(args, "--json")...).out)
	info, err := os.Stat(out)
	if err != nil || r.Network != net || r.Path != out || r.Weights != weights || r.Bytes != info.Size() || r.Opset != 17 {
		t.Errorf("%v; got %+v", err, r)
	}
	want := []string{"Dropout the_Dropout taken away", "BatchNormalization the_BatchNormalization folded into Conv the_Conv"}
	if !slices.Equal(r.Changes, want) {
		t.Errorf("got %q want %q", r.Changes, want)
	}
	if canLoad() && (len(r.Checks) != 2 || !strings.HasPrefix(r.Checks[1].Engine, "onnxruntime")) || r.Checks[0].Difference > 1e-5 {
		t.Errorf("checks %+v", r.Checks)
	}
	in := decode[inspection](t, ok(t, "inspect", out, "--json").out)
	if len(in.Operators) != 1 || in.Operators[0].Name != "Conv" || in.Inputs[0].Map["unit"] != "uK" || in.Metadata["a"] != "b=c" ||
		in.Metadata["astronnx.checksum"] != r.Checksum {
		t.Errorf("inspect says %+v", in)
	}
	list, err := sky.ReadArrays(weights, 0)
	if err != nil || len(list) != 5 || list[0].Name != "w" || graph.Data[float32](list[0])[1] != -2 {
		t.Errorf("weights %v, %v", list, err)
	}

	text := ok(t, append(args, "--overwrite", "--float16", "--fold=false", "--opset", "18")...).out
	for _, want := range []string{"the_Dropout taken away", "reference", "1e-02", "wrote " + out + ": opset 18", "1 weights in float16",
		"wrote " + weights} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if in = decode[inspection](t, ok(t, "inspect", out, "--json").out); len(in.Operators) != 3 {
		t.Errorf("operators %+v", in.Operators)
	}
	if got := entries(t, dir); len(got) != 3 {
		t.Errorf("files: %v", got)
	}
}

func TestExportRefuses(t *testing.T) {
	dir := t.TempDir()
	net := trainedNetwork(t, dir)
	out := filepath.Join(dir, "out.onnx")
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{net}, exitUsage, []string{"-o FILE.onnx"}},
		{[]string{net, "-o", out, "--metadata", "unit"}, exitUsage, []string{"--metadata unit", "key=value"}},
		{[]string{net, "-o", out, "--weights", "w.txt"}, exitUsage, []string{".npz"}},
		{[]string{net, "-o", net}, exitOutput, []string{"exists", "--overwrite"}},
		{[]string{net, "-o", out, "--opset", "22"}, exitInput, []string{"opset 22", "at most 21", net}},
		{[]string{filepath.Join(dir, "none.onnx"), "-o", out}, exitInput, []string{"none.onnx"}},
		{[]string{net, "-o", filepath.Join(dir, "none", "out.onnx")}, exitOutput, []string{"cannot be written"}},
	} {
		fails(t, call(t, append([]string{"export"}, c.args...)...), c.code, c.want...)
	}
	if canLoad() {
		fails(t, spawn(t, nil, "export", net, "-o", out, "--library", net), exitMissing, net)
	}
	if got := entries(t, dir); len(got) != 1 {
		t.Errorf("files: %v", got)
	}
}
