//go:build cgo && !purego && linux

package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/dataset"
	"github.com/astronnx/astronnx/export"
	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/onnxio"
	"github.com/astronnx/astronnx/internal/testkit"
	"github.com/astronnx/astronnx/models"
	ort "github.com/astronnx/astronnx/runtime"
	"github.com/astronnx/astronnx/train"
)

// trainee is the file of a network that testdata/fit.c trains, with batch statistics and dropout.
func trainee(t *testing.T) string {
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 1, Order: "RING", Filters: 4, Pool: "max", Hidden: 8, Outputs: 2, Seed: 3})
	if err == nil {
		m.Graph.Inputs[0].Name = "x"
	}
	return network(t, m, err)
}

// samples are those of testdata/fit.c.
func samples(t *testing.T, n int) dataset.Dataset {
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

// A fit from C has the history and the weights of one from Go, to the bits.
func TestFitIsThatOfGo(t *testing.T) {
	path, dir := trainee(t), t.TempDir()
	got := run(t, compile(t, "gcc", "-std=gnu11", "testdata/fit.c"), "bits", path, testkit.ORT(t), dir)

	net, err := onnxio.LoadFile(path, onnxio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fit := train.New(net, train.Huber(0.5), train.AdamW(0.01, 0.1))
	report, err := fit.Run(t.Context(), samples(t, 40), train.Options{
		Epochs: 3, Batch: 8, Validation: samples(t, 10), Schedule: train.Cosine(3, 0), Seed: 5, ClipNorm: 1,
		Engine: ort.NewConfig().WithLibrary(testkit.ORT(t)).WithThreads(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, e := range report.History {
		want += fmt.Sprintf("%016x %016x\n", math.Float64bits(e.Loss), math.Float64bits(e.Validation))
	}
	if got != want {
		t.Errorf("the history of losses is\n%s, that of Go\n%s", got, want)
	}
	for name, m := range map[string]*graph.Model{"best.onnx": fit.Best(), "last.onnx": fit.Last()} {
		written, err := onnxio.LoadFile(filepath.Join(dir, name), onnxio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := export.Prepare(m, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if export.Checksum(written) != export.Checksum(wanted) {
			t.Errorf("%s has other weights than the network of Go", name)
		}
		if export.Checksum(wanted) == export.Checksum(net) {
			t.Errorf("the weights of %s are those of before", name)
		}
	}
}

func TestFitMisuse(t *testing.T) {
	compilers(t, func(t *testing.T, c, _ string) {
		run(t, compile(t, c, "-std=gnu11", "testdata/fit.c"), "misuse", trainee(t), testkit.ORT(t), t.TempDir())
	})
}

func TestFitCancel(t *testing.T) {
	run(t, compile(t, "gcc", "-std=gnu11", "testdata/fit.c"), "cancel", trainee(t), testkit.ORT(t), t.TempDir())
}

// A session that stays is over 100 kB, and there are 100 fits. AddressSanitizer keeps what is freed, and tells of what is not.
func TestFitCycles(t *testing.T) {
	text := run(t, compile(t, "gcc", "-std=gnu11", "testdata/fit.c"), "cycles", trainee(t), testkit.ORT(t), t.TempDir())
	if grown, err := strconv.Atoi(strings.TrimSpace(text)); err != nil || grown > 8<<10 && !sanitized {
		t.Errorf("memory grew by %d kB over 100 cycles, at most %d were expected (%v)", grown, 8<<10, err)
	}
}

func TestExampleFit(t *testing.T) {
	m, err := models.NNHealpix(models.NNHealpixConfig{Nside: 4, Maps: 1, Order: "RING", Filters: 8, Pool: "max", Hidden: 16, Outputs: 1, Seed: 1})
	model := network(t, m, err)
	compilers(t, func(t *testing.T, c, _ string) {
		out := filepath.Join(t.TempDir(), "dipole.onnx")
		text := run(t, compile(t, c, "-std=c11", "-pedantic", "example/fit.c", "-lm"), model, out, testkit.ORT(t))
		if n := strings.Count(text, "validation"); n != 8 || !strings.Contains(text, "of 8, loss 0.") {
			t.Errorf("%d epochs of 8 were told:\n%s", n, text)
		}
		var want, got float64
		at := strings.Index(text, "a dipole")
		if _, err := fmt.Sscanf(text[max(at, 0):], "a dipole of %f is measured as %f", &want, &got); err != nil || math.Abs(got-want) > 0.1 {
			t.Errorf("the amplitude is %g, measured as %g (%v):\n%s", want, got, err, text)
		}
	})
}
