// Package optest helps to test implementations of the HEALPix operators: random cases for all of them, and a stock
// onnxruntime that knows nothing of this project to run their bodies.
package optest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
)

// Job is a model and its inputs by name.
type Job struct {
	Name   string
	Model  *graph.Model
	Inputs map[string]*graph.Tensor
	Check  bool // also run onnx.checker with full inference
}

// stockScript runs all jobs of a folder in one process, since starting Python takes longer than most of them.
const stockScript = `
import json, os, sys
import numpy as np, onnxruntime as ort
os.chdir(sys.argv[1])
opts = ort.SessionOptions()
opts.log_severity_level = 4
opts.intra_op_num_threads = 1
def read(spec):
    with open(spec["file"], "rb") as f:
        return np.frombuffer(f.read(), dtype=spec["dtype"]).reshape(spec["shape"])
for job in json.load(open("jobs.json")):
    res = {"outputs": [], "error": ""}
    try:
        if job["check"]:
            import onnx
            onnx.checker.check_model(job["model"], full_check=True)
        s = ort.InferenceSession(job["model"], opts, providers=["CPUExecutionProvider"])
        outs = s.run(None, {k: read(v) for k, v in job["inputs"].items()})
        for i, y in enumerate(outs):
            name = "%s.out%d" % (job["model"], i)
            np.ascontiguousarray(y).tofile(name)
            res["outputs"].append({"file": name, "dtype": str(y.dtype), "shape": list(y.shape)})
    except Exception as e:
        res["error"] = str(e)
    json.dump(res, open(job["model"] + ".json", "w"))
`

type arrayFile struct {
	File  string  `json:"file"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
}

// Stock runs the jobs on the onnxruntime of a Python (that of ASTRONNX_STOCK, if set) and returns outputs[job][output].
// A job that fails fails the test and gives nil.
func Stock(t testing.TB, jobs []Job) [][]*graph.Tensor {
	t.Helper()
	python, dir := stockPython(t), t.TempDir()
	type jobFile struct {
		Model  string               `json:"model"`
		Check  bool                 `json:"check"`
		Inputs map[string]arrayFile `json:"inputs"`
	}
	files := make([]jobFile, len(jobs))
	for i, j := range jobs {
		files[i] = jobFile{Model: strconv.Itoa(i) + ".onnx", Check: j.Check, Inputs: map[string]arrayFile{}}
		b, err := onnxio.Marshal(j.Model)
		if err != nil {
			t.Fatalf("%s: %v", j.Name, err)
		}
		write(t, filepath.Join(dir, files[i].Model), b)
		for name, x := range j.Inputs {
			file := strconv.Itoa(i) + "." + name
			write(t, filepath.Join(dir, file), x.Raw)
			files[i].Inputs[name] = arrayFile{file, x.DType.String(), x.Shape}
		}
	}
	b, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "jobs.json"), b)
	if out, err := exec.Command(python, "-c", stockScript, dir).CombinedOutput(); err != nil {
		t.Fatalf("stock onnxruntime: %v\n%s", err, out)
	}
	results := make([][]*graph.Tensor, len(jobs))
	for i, j := range jobs {
		var r struct {
			Outputs []arrayFile `json:"outputs"`
			Error   string      `json:"error"`
		}
		if err := json.Unmarshal(read(t, filepath.Join(dir, files[i].Model+".json")), &r); err != nil {
			t.Fatal(err)
		}
		if r.Error != "" {
			t.Errorf("%s: stock onnxruntime: %s", j.Name, r.Error)
			continue
		}
		for _, o := range r.Outputs {
			d, err := graph.ParseDType(o.DType)
			if err != nil {
				t.Fatal(err)
			}
			y := graph.NewTensor(d, o.Shape...)
			copy(y.Raw, read(t, filepath.Join(dir, o.File)))
			results[i] = append(results[i], y)
		}
	}
	return results
}

// OpenStock opens a model file as Stock does and returns the processor time and the most memory, in bytes, that this
// took.
func OpenStock(t testing.TB, file []byte) (seconds, peak float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	write(t, path, file)
	out, err := exec.Command(stockPython(t), "-c", openScript, path).Output()
	if err != nil {
		t.Fatalf("stock onnxruntime: %v", err)
	}
	if _, err := fmt.Sscan(string(out), &seconds, &peak); err != nil {
		t.Fatalf("stock onnxruntime says %q: %v", out, err)
	}
	return seconds, peak
}

const openScript = `
import resource, sys, time
import onnxruntime as ort
opts = ort.SessionOptions()
opts.log_severity_level = 4
opts.intra_op_num_threads = 1
start = time.process_time()
ort.InferenceSession(sys.argv[1], opts, providers=["CPUExecutionProvider"])
unit = 1 if sys.platform == "darwin" else 1024
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
`

func stockPython(t testing.TB) string {
	t.Helper()
	if python := os.Getenv("ASTRONNX_STOCK"); python != "" {
		return python
	}
	return testkit.Python(t, "onnxruntime", "numpy", "onnx")
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
