package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
)

// fromPython times calls in turns: a tiny model, and a network with its bodies, with our kernels in onnxruntime, and with ours.
const fromPython = `
import json, sys, time
sys.path.insert(0, sys.argv[1])
import numpy, onnxruntime
start = time.perf_counter()
import astronnx
imported = time.perf_counter() - start

def session(path, kernels=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if kernels:
        astronnx.register_ops(options)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

def fastest(calls, rounds, repeat):
    best = {name: 1e9 for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / repeat)
    return best

tiny, network = sys.argv[2:]
x = {"x": numpy.zeros(1, "float32")}
theirs, ours = session(tiny), astronnx.Model(tiny, threads=1)
calls = fastest({"theirs": lambda: theirs.run(None, x), "ours": lambda: ours.run(x)}, 30, 500)
body, kernels, model = session(network), session(network, True), astronnx.Model(network, threads=1)
maps = {model.inputs[0].name: numpy.random.default_rng(0).standard_normal((16, 1, 12 * 64**2)).astype("float32")}
runs = fastest({"body": lambda: body.run(None, maps), "kernels": lambda: kernels.run(None, maps), "model": lambda: model.run(maps)}, 5, 1)
print(json.dumps({"imported": imported, "calls": calls, "runs": runs}))
`

// callers compares the Python package with the PyPI onnxruntime.
func callers() ([]Row, error) {
	dir, err := os.MkdirTemp("", "astronnx-callers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := installed(dir); err != nil {
		return nil, err
	}
	tiny, network := filepath.Join(dir, "tiny.onnx"), filepath.Join(dir, "network.onnx")
	m, err := models.NNHealpix(models.NNHealpixConfig{
		Nside: 64, Maps: 1, Order: "RING", Filters: 32, Pool: "max", Hidden: 48, Outputs: 9, Seed: 1,
	})
	if err == nil {
		err = ops.AttachBodies(m, healpixop.Set())
	}
	if err == nil {
		err = onnxio.WriteFile(network, m, onnxio.SaveOptions{})
	}
	if err == nil {
		err = onnxio.WriteFile(tiny, absolute(), onnxio.SaveOptions{})
	}
	if err != nil {
		return nil, err
	}
	var t struct {
		Imported    float64
		Calls, Runs map[string]float64
	}
	if err := python(fromPython, &t, dir, tiny, network); err != nil {
		return nil, err
	}
	d := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return []Row{
		faster("call of a tiny model", d(t.Calls["ours"]), d(t.Calls["theirs"]), "onnxruntime in Python", 1),
		faster("NNhealpix, nside 64, 16 maps", d(t.Runs["model"]), d(t.Runs["body"]), "onnxruntime in Python, by the bodies", 2.5),
		faster("the same, kernels in onnxruntime", d(t.Runs["kernels"]), d(t.Runs["body"]), "onnxruntime in Python, by the bodies", 2.5),
		faster("the same, ours", d(t.Runs["model"]), d(t.Runs["kernels"]), "onnxruntime in Python, with our kernels", 0),
		less("import beside NumPy", 1e3*t.Imported, 300, "ms", "limit", 1),
	}, nil
}

// installed builds the wheel and puts the package in it into dir.
func installed(dir string) error {
	build := exec.Command("python/wheel.sh", dir)
	build.Env = append(os.Environ(), "PYTHON="+interpreter())
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("python/wheel.sh: %w\n%s", err, out)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("got wheels %v (%v)", wheels, err)
	}
	install := exec.Command(interpreter(), "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", dir, wheels[0])
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("pip: %w\n%s", err, out)
	}
	return nil
}

// absolute is y = |x| of one number.
func absolute() *graph.Model {
	g := &graph.Graph{Name: "absolute"}
	x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(1)))
	y := &graph.Value{Name: "y", Type: x.Type}
	g.Append(graph.NewNode("", "Abs", nil, []*graph.Value{x}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}
