package checkpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/checkpoint"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
)

type document struct {
	Epoch int       `json:"epoch"`
	Loss  []float64 `json:"loss"`
}

func named(name string, t *graph.Tensor) *graph.Tensor {
	t.Name = name
	return t
}

// weights returns a tensor of every kind that a training may have.
func weights() []*graph.Tensor {
	w := named("conv1/weight:0", graph.NewTensor(graph.Float32, 3, 1, 2))
	for i := range w.Raw {
		w.Raw[i] = byte(7 * i)
	}
	h := named("half", graph.NewTensor(graph.BFloat16, 2))
	graph.Data[graph.BF16](h)[1] = graph.ToBF16(-1.5)
	e := named("e8", graph.NewTensor(graph.Float8E4M3FN, 3))
	e.Raw[2] = 0x38
	return []*graph.Tensor{w, named("step", graph.Scalar[int64](41)), h, e, named("flags", graph.Vector(true, false)),
		named("none", graph.NewTensor(graph.Float64, 0, 4)), named("meta.json", graph.Vector[uint16](1, 2))}
}

func same(t testing.TB, got, want []*graph.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d tensors want %d", len(got), len(want))
	}
	for i := range want {
		if !got[i].Equal(want[i]) || got[i].Name != want[i].Name {
			t.Errorf("got %q %s want %q %s", got[i].Name, got[i], want[i].Name, want[i])
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.npz")
	wrote := document{Epoch: 3, Loss: []float64{1, 0.1, 1e-300}}
	if err := checkpoint.Write(path, wrote, weights()...); err != nil {
		t.Fatal(err)
	}
	var doc document
	got, err := checkpoint.Read(path, &doc)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, weights())
	if !reflect.DeepEqual(doc, wrote) {
		t.Errorf("document %v want %v", doc, wrote)
	}
	if err := checkpoint.Write(path, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := checkpoint.Read(path, nil); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v want nothing", got, err)
	}
}

// pyLoad opens a checkpoint with numpy, and checks its digest.
const pyLoad = `
import sys, json, hashlib, numpy as np
z = np.load(sys.argv[1])
meta = json.loads(z["meta.json"])
raw = open(sys.argv[1], "rb").read()
digest = raw[-71:] == b"sha256:" + hashlib.sha256(raw[:-71]).hexdigest().encode()
print(json.dumps({"digest": digest, "meta": meta, "tensors": [[n, z[n].dtype.name, list(z[n].shape), z[n].tobytes().hex()]
    for n in z.files if n != "meta.json" or z[n].__class__ is np.ndarray]}))
`

func TestNumpyLoadsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.npz")
	tensors := weights()[:6] // numpy takes an array named meta.json for the entry of that name
	if err := checkpoint.Write(path, document{Epoch: 5}, tensors...); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testkit.Python(t, "numpy"), "-c", pyLoad, path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var got struct {
		Digest bool
		Meta   struct {
			Format   string
			Version  int
			Document document
			Tensors  []struct {
				Name, DType string
				Shape       []int64
			}
		}
		Tensors [][]any
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Digest || got.Meta.Format != "astronnx checkpoint" || got.Meta.Version != 1 || got.Meta.Document.Epoch != 5 {
		t.Errorf("got %+v", got)
	}
	for i, x := range tensors {
		dtype := map[graph.DType]string{graph.BFloat16: "uint16", graph.Float8E4M3FN: "uint8"}[x.DType]
		if dtype == "" {
			dtype = x.DType.String()
		}
		want := fmt.Sprint([]any{x.Name, dtype, x.Shape, fmt.Sprintf("%x", x.Raw)})
		if fmt.Sprint(got.Tensors[i]) != want {
			t.Errorf("numpy has %v want %s", got.Tensors[i], want)
		}
		if m := got.Meta.Tensors[i]; m.Name != x.Name || m.DType != x.DType.String() || !slices.Equal(m.Shape, x.Shape) {
			t.Errorf("meta.json has %v want %q %s", m, x.Name, x)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.npz")
	if err := checkpoint.Write(path, document{Epoch: 1}, named("w", graph.Vector[float32](1, 2, 3))); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := checkpoint.Read(path, nil)
		if !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "damaged: ") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v want errs.Invalid with the path", what, err)
		}
	}
	for i := range whole {
		data := bytes.Clone(whole)
		data[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("byte %d of %d flipped", i, len(data)), data)
	}
	for n := range whole {
		refused(fmt.Sprintf("cut to %d bytes", n), whole[:n])
	}
	refused("a byte more", append(bytes.Clone(whole), 0))
	if _, err := checkpoint.Read(filepath.Join(t.TempDir(), "none.npz"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v want %v", err, os.ErrNotExist)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.npz")
	w := named("w", graph.Vector[float32](1))
	for want, c := range map[string]struct {
		document any
		tensors  []*graph.Tensor
	}{
		`"w" is empty or used twice`:   {nil, []*graph.Tensor{w, w}},
		`"" is empty or used twice`:    {nil, []*graph.Tensor{graph.Vector[float32](1)}},
		"want numbers of whole bytes":  {nil, []*graph.Tensor{named("s", graph.FromStrings([]string{"a"}, 1))}},
		"4 bytes for float32[2], want": {nil, []*graph.Tensor{{Name: "x", DType: graph.Float32, Shape: []int64{2}, Raw: w.Raw}}},
		"the checkpoint's document":    {func() {}, nil},
	} {
		if err := checkpoint.Write(path, c.document, c.tensors...); !errors.Is(err, errs.Input) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v want … %s", err, want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a file was left", want)
		}
	}
}

func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "c.npz")
	if err := checkpoint.Write(path, document{Epoch: 1}, weights()...); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-71])
	f.Fuzz(func(t *testing.T, data []byte) { // with the digest that they should have, so that the reader goes on
		path := filepath.Join(t.TempDir(), "c.npz")
		if err := os.WriteFile(path, checkpoint.Sign(data), 0o666); err != nil {
			t.Fatal(err)
		}
		var doc any
		tensors, err := checkpoint.Read(path, &doc)
		if err != nil && !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.Input) && !errors.Is(err, errs.Limit) {
			t.Errorf("got %v want an error of the file", err)
		}
		for _, x := range tensors {
			if err := x.Check(); err != nil {
				t.Errorf("tensor %q: %v", x.Name, err)
			}
		}
	})
}
