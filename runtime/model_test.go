package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/runtime"
)

func TestEveryWayToLoadAndRun(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		b := bytesOf(t, scaled())
		path := filepath.Join(t.TempDir(), "scaled.onnx")
		must(t, os.WriteFile(path, b, 0o600))
		for name, load := range map[string]func() (*runtime.Model, error){
			"path":   func() (*runtime.Model, error) { return runtime.Load(path, c) },
			"bytes":  func() (*runtime.Model, error) { return runtime.LoadBytes(b, c) },
			"reader": func() (*runtime.Model, error) { return runtime.LoadReader(bytes.NewReader(b), c) },
			"fs": func() (*runtime.Model, error) {
				return runtime.LoadFS(fstest.MapFS{"m/s.onnx": {Data: b}}, "m/s.onnx", c)
			},
			"graph": func() (*runtime.Model, error) { return runtime.Compile(scaled(), c) },
		} {
			m, err := load()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out, err := m.Run(t.Context(), runtime.Inputs{"x": sky(2, 3)})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !out["y"].Equal(sky(2, 7)) || len(out) != 1 {
				t.Errorf("%s: got %v", name, out)
			}
			must(t, m.Close())
		}
	})
}

func TestRunsAndSessions(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		m, err := runtime.Compile(scaled(), c)
		must(t, err)
		defer m.Close()
		ctx := t.Context()
		list, err := m.RunList(ctx, sky(1, 3))
		must(t, err)
		if len(list) != 1 || !list[0].Equal(sky(1, 7)) {
			t.Errorf("list: got %v", list)
		}
		out, err := m.Run(ctx, runtime.Inputs{"x": sky(1, 3)}, "y")
		must(t, err)
		if !out["y"].Equal(sky(1, 7)) {
			t.Errorf("selected: got %v", out)
		}
		y := sky(1, 0)
		must(t, m.RunInto(ctx, runtime.Inputs{"x": sky(1, 3)}, runtime.Outputs{"y": y}))
		if !y.Equal(sky(1, 7)) {
			t.Error("in place: not written")
		}
		made := []*graph.Tensor{nil}
		must(t, m.RunAt(ctx, []*graph.Tensor{sky(1, 3)}, []int{0}, made))
		y = sky(1, 0)
		must(t, m.RunAt(ctx, []*graph.Tensor{sky(1, 3)}, []int{0}, []*graph.Tensor{y}))
		if !made[0].Equal(sky(1, 7)) || !y.Equal(sky(1, 7)) {
			t.Errorf("by position: got %v and %v", made[0], y)
		}

		s, err := m.NewSession()
		must(t, err)
		x := sky(1, 0)
		must(t, s.SetInput("x", x))
		for _, v := range []float32{0, 1, 2} {
			for i := range graph.Data[float32](x) {
				graph.Data[float32](x)[i] = v
			}
			must(t, s.Run(ctx))
			if !s.Output("y").Equal(sky(1, 2*v+1)) {
				t.Errorf("session: got %v", graph.Data[float32](s.Output("y"))[0])
			}
		}
		must(t, s.SetOutput("y", y))
		must(t, s.Run(ctx))
		if s.Output("y") != y || !y.Equal(sky(1, 5)) {
			t.Error("session in place: not written")
		}
		must(t, s.SetOutput("y", nil))
		must(t, s.Keep("y"))
		must(t, s.Run(ctx))
		must(t, s.Feed("x", "y"))
		must(t, s.Run(ctx))
		must(t, s.SetOutput("y", y))
		must(t, s.Run(ctx))
		if !y.Equal(sky(1, 11)) {
			t.Errorf("fed: got %v want 11", graph.Data[float32](y)[0])
		}
		if s.Output("z") != nil {
			t.Error("an output that does not exist has a value")
		}
		must(t, s.Close())
		must(t, s.Close())
	})
}

func TestDescriptions(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		m, err := runtime.LoadBytes(bytesOf(t, scaled()), c)
		must(t, err)
		defer m.Close()
		in := m.Inputs()
		if len(in) != 1 || in[0].Name != "x" || in[0].DType() != runtime.Float32 || in[0].Type.String() != "float32[N,1,48]" ||
			len(in[0].Shape()) != 3 || in[0].Optional {
			t.Errorf("inputs are %+v", in)
		}
		unseen := -1.6375e30
		want := &runtime.MapInfo{Nside: 2, Ordering: "NESTED", Unit: []string{"uK_CMB"}, Columns: []string{"I"}, Unseen: &unseen}
		if !reflect.DeepEqual(in[0].Map, want) || want.Pixels() != 48 {
			t.Errorf("map is %+v want %+v", in[0].Map, want)
		}
		if out := m.Outputs(); len(out) != 1 || out[0].Name != "y" || out[0].Map == nil || out[0].Map.Normalisation != "2x+1" {
			t.Errorf("outputs are %+v", out)
		}
		meta := m.Metadata()
		if !maps.Equal(meta, scaled().Metadata) {
			t.Errorf("metadata are %v", meta)
		}
		clear(meta)
		if m.Metadata()["author"] != "the test" {
			t.Error("the model's metadata can be changed from outside")
		}
		r := m.Report()
		if r.Engine == "" || r.Provider != runtime.CPU || !strings.Contains(r.String(), r.Engine) {
			t.Errorf("report is %+v", r)
		}
	})
}

func TestBadMetadata(t *testing.T) {
	for key, value := range map[string]string{"nside": "three", "ordering": "SPIRAL", "unseen": "none"} {
		m := scaled()
		m.Metadata["astronnx.x."+key] = value
		_, err := runtime.Compile(m, runtime.NewConfig().WithEngine("reference"))
		if !errors.Is(err, runtime.ErrInvalid) || !strings.Contains(err.Error(), `astronnx.x.`+key+` is "`+value+`", expected`) {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func TestBadInputsAndOutputs(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		m, err := runtime.Compile(scaled(), c)
		must(t, err)
		defer m.Close()
		run := func(in runtime.Inputs, outputs ...string) error {
			_, err := m.Run(context.Background(), in, outputs...)
			return err
		}
		s, err := m.NewSession()
		must(t, err)
		defer s.Close()
		small := graph.NewTensor(graph.Float32, 1, 1, 12)
		for name, c := range map[string]struct {
			err  error
			code error
			want []string
		}{
			"unknown input":    {run(runtime.Inputs{"map": sky(1, 0)}), runtime.ErrInput, []string{`no input is called "map"`, "expected x"}},
			"missing":          {run(nil), runtime.ErrInput, []string{`"x"`, "float32[N,1,48]"}},
			"dtype":            {run(runtime.Inputs{"x": graph.NewTensor(graph.Float64, 1, 1, 48)}), runtime.ErrInput, []string{"expected float32[N,1,48], got float64[1 1 48]"}},
			"nside":            {run(runtime.Inputs{"x": small}), runtime.ErrInput, []string{"expected float32[N,1,48], got float32[1 1 12]", "Nside 2, 48 pixels", "the map has Nside 1"}},
			"session's nside":  {s.SetInput("x", small), runtime.ErrInput, []string{"the map has Nside 1"}},
			"unknown output":   {run(runtime.Inputs{"x": sky(1, 0)}, "z"), runtime.ErrOutput, []string{`no output is called "z"`, "the model has y"}},
			"twice":            {run(runtime.Inputs{"x": sky(1, 0)}, "y", "y"), runtime.ErrOutput, []string{"twice"}},
			"into nothing":     {m.RunInto(context.Background(), runtime.Inputs{"x": sky(1, 0)}, runtime.Outputs{"y": nil}), runtime.ErrOutput, []string{"no tensor"}},
			"at no output":     {m.RunAt(context.Background(), []*graph.Tensor{sky(1, 0)}, []int{1}, []*graph.Tensor{nil}), runtime.ErrOutput, []string{"no output 1"}},
			"at none":          {m.RunAt(context.Background(), []*graph.Tensor{sky(1, 0)}, nil, nil), runtime.ErrOutput, []string{"no output"}},
			"at one twice":     {m.RunAt(context.Background(), []*graph.Tensor{sky(1, 0)}, []int{0, 0}, make([]*graph.Tensor, 2)), runtime.ErrOutput, []string{"twice"}},
			"into another":     {m.RunInto(context.Background(), runtime.Inputs{"x": sky(1, 0)}, runtime.Outputs{"y": small}), runtime.ErrOutput, []string{"float32[1 1 12]"}},
			"session's input":  {s.SetInput("y", sky(1, 0)), runtime.ErrInput, []string{`"y"`, "expected x"}},
			"session's output": {s.Keep("x"), runtime.ErrOutput, []string{`"x"`, "the model has y"}},
			"session's feed":   {s.Feed("x", "x"), runtime.ErrOutput, []string{`"x"`}},
		} {
			if !errors.Is(c.err, c.code) {
				t.Errorf("%s: got %v want %v", name, c.err, c.code)
				continue
			}
			for _, w := range c.want {
				if !strings.Contains(c.err.Error(), w) {
					t.Errorf("%s: got %v want it to say %q", name, c.err, w)
				}
			}
			var e *runtime.Error
			if !errors.As(c.err, &e) {
				t.Errorf("%s: %T is no *runtime.Error", name, c.err)
			}
		}
		_, err = m.RunList(context.Background())
		if !errors.Is(err, runtime.ErrInput) {
			t.Errorf("no inputs: got %v", err)
		}
	})
}

func TestClosedAndCanceled(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		m, err := runtime.Compile(scaled(), c)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = m.Run(ctx, runtime.Inputs{"x": sky(1, 0)})
		if !errors.Is(err, runtime.ErrCanceled) || !errors.Is(err, context.Canceled) {
			t.Errorf("ended context: got %v", err)
		}
		must(t, m.Close())
		must(t, m.Close())
		if _, err := m.Run(t.Context(), runtime.Inputs{"x": sky(1, 0)}); !errors.Is(err, runtime.ErrClosed) {
			t.Errorf("closed: got %v", err)
		}
		if _, err := m.NewSession(); !errors.Is(err, runtime.ErrClosed) {
			t.Errorf("closed: got %v", err)
		}
	})
}

func TestBadFiles(t *testing.T) {
	engines(t, func(t *testing.T, c runtime.Config) {
		dir := t.TempDir()
		_, err := runtime.Load(filepath.Join(dir, "none.onnx"), c)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.onnx") {
			t.Errorf("no file: got %v", err)
		}
		if _, err := runtime.Load(dir, c); !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("a folder: got %v", err)
		}
		good := bytesOf(t, scaled())
		for name, b := range map[string][]byte{
			"empty": {}, "text": []byte("hello, sky"), "cut": good[:len(good)/2], "zeros": make([]byte, 100),
		} {
			if _, err := runtime.LoadBytes(b, c); err == nil {
				t.Errorf("%s: no error", name)
			} else if e := new(runtime.Error); !errors.As(err, &e) {
				t.Errorf("%s: got %T %v", name, err, err)
			}
		}
		if _, err := runtime.LoadBytes(good, c.WithMemoryLimit(10)); !errors.Is(err, runtime.ErrLimit) {
			t.Errorf("limit: got %v", err)
		}
		broken := scaled()
		broken.Graph.Nodes = broken.Graph.Nodes[1:]
		if _, err := runtime.Compile(broken, c); !errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("a graph without a producer: got %v", err)
		}
		strange := scaled()
		for i, n := range strange.Graph.Nodes {
			n.Op = []string{"Warp", "Wobble"}[i]
		}
		_, err = runtime.Compile(strange, c)
		if !errors.Is(err, runtime.ErrUnsupportedOp) || !strings.Contains(err.Error(), "Warp") || !strings.Contains(err.Error(), "Wobble") {
			t.Errorf("unsupported: got %v", err)
		}
	})
}

func TestEngineChoice(t *testing.T) {
	_, err := runtime.Compile(scaled(), runtime.NewConfig().WithEngine("abacus"))
	if !errors.Is(err, runtime.ErrUnavailable) || !strings.Contains(err.Error(), `"abacus"`) {
		t.Errorf("got %v", err)
	}
	_, err = runtime.Compile(scaled(), runtime.NewConfig().WithLibrary(filepath.Join(t.TempDir(), "libonnxruntime.so.1")))
	if !errors.Is(err, runtime.ErrUnavailable) {
		t.Errorf("a library that is not there: got %v", err)
	}
	_, err = runtime.Compile(scaled(), runtime.NewConfig().WithProvider("NoSuchProvider"))
	if !errors.Is(err, runtime.ErrUnavailable) {
		t.Errorf("a provider that is not there: got %v", err)
	}
	m, err := runtime.Compile(scaled(), runtime.Config{})
	must(t, err)
	defer m.Close()
	if r := m.Report(); !slices.Contains([]string{"onnxruntime", "reference"}, r.Engine) || r.Engine == "reference" && r.Why == "" {
		t.Errorf("report is %+v", r)
	}
}
