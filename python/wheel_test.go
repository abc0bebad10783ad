//go:build cgo && !purego && linux && amd64

// Package python tests the Python package as its users get it: from the wheel, in a fresh virtual environment.
package python

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/healpixop"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	"github.com/astronnx/astronnx/ops"
	ort "github.com/astronnx/astronnx/runtime"
	_ "github.com/astronnx/astronnx/sky" // and of what the library is made from
	"github.com/astronnx/astronnx/train"
)

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, out)
	}
	return string(out)
}

// environment is a virtual environment with the wheel in it. The packages to compare with are those of the reference Python.
func environment(t *testing.T, reference string) string {
	t.Helper()
	// What goes into the wheel is named here, so that go test knows of it when it looks for a result of before.
	for _, pattern := range []string{"*", "*/*", "src/*/*", "../capi/*", "../cmd/*/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			_, _ = os.Stat(name)
		}
	}
	dir := t.TempDir()
	run(t, []string{"PYTHON=" + reference}, "./wheel.sh", dir)
	wheels, err := filepath.Glob(filepath.Join(dir, "astronnx-*-py3-none-manylinux_2_*_x86_64.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatalf("got wheels %v (%v)", wheels, err)
	}
	if info, err := os.Stat(wheels[0]); err != nil || info.Size() > 25<<20 {
		t.Errorf("the wheel has %d bytes (%v)", info.Size(), err)
	}
	venv := filepath.Join(dir, "venv")
	python := filepath.Join(venv, "bin", "python")
	run(t, nil, reference, "-m", "venv", "--without-pip", venv)
	run(t, nil, reference, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheels[0])
	packages := run(t, nil, reference, "-c", "import sys; print(*(p for p in sys.path if p.endswith('-packages')), sep='\\n')")
	site := run(t, nil, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
	if err := os.WriteFile(filepath.Join(strings.TrimSpace(site), "reference.pth"), []byte(packages), 0o644); err != nil {
		t.Fatal(err)
	}
	return python
}

func write(t *testing.T, path string, m *graph.Model, err error) {
	t.Helper()
	if err == nil {
		err = ops.AttachBodies(m, healpixop.Set())
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := onnxio.Marshal(m)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// scaled is y = 2x + 1 over maps of nside 2.
func scaled() *graph.Model {
	g := &graph.Graph{Name: "scaled"}
	ty := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(1), graph.D(48))
	x := g.NewInput("x", ty)
	w, b := g.NewConst("w", graph.Vector[float32](2)), g.NewConst("b", graph.Vector[float32](1))
	t, y := &graph.Value{Name: "wx"}, &graph.Value{Name: "y", Type: ty}
	g.Append(graph.NewNode("", "Mul", nil, []*graph.Value{x, w}, []*graph.Value{t}),
		graph.NewNode("", "Add", nil, []*graph.Value{t, b}, []*graph.Value{y}))
	g.Outputs = []*graph.Value{y}
	return &graph.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g, Metadata: map[string]string{"author": "the test"}}
}

// history writes how a fit of Go goes on the network and the samples that tests/test_fit.py has.
func history(t *testing.T, network, path string) {
	t.Helper()
	samples := func(n int) dataset.Dataset {
		x, y := graph.NewTensor(graph.Float32, int64(n), 1, 192), graph.NewTensor(graph.Float32, int64(n), 2)
		x.Name, y.Name = "x", "target"
		for i := range n {
			for p := range 192 {
				graph.Data[float32](x)[i*192+p] = float32((i*37+p*11+i*p)%64-32) / 16
			}
			for j := range 2 {
				graph.Data[float32](y)[i*2+j] = float32(i*(j+3)%16) / 16
			}
		}
		d, err := dataset.Memory(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	net, err := onnxio.LoadFile(network, onnxio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := train.New(net, train.Huber(0.5), train.AdamW(0.01, 0.1)).Run(t.Context(), samples(40), train.Options{
		Epochs: 3, Batch: 8, Validation: samples(10), Schedule: train.Cosine(3, 0), Seed: 5, ClipNorm: 1,
		Engine: ort.NewConfig().WithLibrary(testkit.ORT(t)).WithThreads(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(report.History)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWheel(t *testing.T) {
	python := environment(t, testkit.Python(t, "numpy", "onnx", "onnxruntime", "healpy", "setuptools", "pip"))
	files := t.TempDir()
	write(t, filepath.Join(files, "scaled.onnx"), scaled(), nil)
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 16, Maps: 1, Order: "RING", Filters: 32, Pool: "max", Hidden: 48, Outputs: 9, Seed: 1})
	write(t, filepath.Join(files, "network.onnx"), m, err)
	m, err = models.Multiresolution(models.MultiresolutionConfig{Nside: 32, Levels: 2, Order: "RING"})
	write(t, filepath.Join(files, "bands.onnx"), m, err)
	m, err = models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 1, Order: "RING", Filters: 4, Pool: "max", Hidden: 8, Outputs: 2, Seed: 3})
	if err == nil {
		m.Graph.Inputs[0].Name = "x"
		m.Graph.Outputs[0].Name = "y"
	}
	write(t, filepath.Join(files, "fit.onnx"), m, err)
	history(t, filepath.Join(files, "fit.onnx"), filepath.Join(files, "fit.json"))
	sky := testkit.Sky(t, "wmap_band_iqumap_r9_7yr_W_v4_udgraded32.fits")
	if err := os.Symlink(sky, filepath.Join(files, "map.fits")); err != nil {
		t.Fatal(err)
	}

	t.Run("unittest", func(t *testing.T) {
		env := []string{"ASTRONNX_TEST_FILES=" + files, "ASTRONNX_ORT_LIB=" + testkit.ORT(t)}
		t.Log(run(t, env, python, "-W", "error", "-m", "unittest", "discover", "-s", "tests"))
	})
	t.Run("torch", func(t *testing.T) {
		torch := filepath.Join(testkit.Cache(t), "torch", "bin", "python")
		if _, err := os.Stat(torch); err != nil {
			t.Skip("no PyTorch in the cache: go run ./tools/obtain torch")
		}
		site := strings.TrimSpace(run(t, nil, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
		env := []string{"PYTHONPATH=" + site, "ASTRONNX_ORT_LIB=" + testkit.ORT(t)}
		t.Log(run(t, env, torch, "tests/torch_tensors.py", filepath.Join(files, "scaled.onnx")))
	})
	// Without a name for it, the library of the installed onnxruntime is found.
	t.Run("example", func(t *testing.T) {
		testkit.Python(t, "matplotlib")
		for program, model := range map[string]string{
			"wmap.py": filepath.Join(files, "bands.onnx"), "tau.py": filepath.Join("..", "models", "trained", "tau.onnx"),
		} {
			picture := filepath.Join(files, program+".png")
			t.Log(run(t, []string{"ASTRONNX_ORT_LIB="}, python, filepath.Join("example", program), sky, model, picture))
			if info, err := os.Stat(picture); err != nil || info.Size() < 10000 {
				t.Errorf("the picture of %s is missing or empty (%v)", program, err)
			}
		}
	})
}
