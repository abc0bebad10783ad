//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/internal/testkit"
)

// matmuls is a chain of n products of size×size matrices: something that takes its time.
func matmuls(n int, size int64) *graph.Model {
	ty := graph.TensorType(graph.Float32, graph.D(size), graph.D(size))
	return model(func(g *graph.Graph) {
		x := g.NewInput("x", ty)
		y := x
		for range n {
			y = node(g, "MatMul", nil, y, x)
			y.Name = fmt.Sprint("y", len(g.Nodes))
		}
		addOutput(g, y, "y", ty)
	})
}

func TestContextEndsARun(t *testing.T) {
	p := compile(t, matmuls(1200, 256), engine.Options{})
	x := graph.NewTensor(graph.Float32, 256, 256)
	s := newSession(t, p)
	must(t, s.SetInput(0, x))
	for name, run := range map[string]func(ctx context.Context) error{
		"plan": func(ctx context.Context) error {
			return p.Run(ctx, []*graph.Tensor{x}, nil, make([]*graph.Tensor, 1))
		},
		"session": s.Run,
	} {
		t.Run(name, func(t *testing.T) {
			// The first run, and any on a busy machine, may take far longer than it need.
			whole := time.Duration(math.MaxInt64)
			for range 4 {
				start := time.Now()
				must(t, run(context.Background()))
				whole = min(whole, time.Since(start))
			}

			// On a busy machine a goroutine may wake late: one of a few has to be in time.
			var ctx context.Context
			took := whole
			for range 10 {
				var cancel func()
				ctx, cancel = context.WithTimeout(context.Background(), whole/20)
				defer cancel()
				start := time.Now()
				err := run(ctx)
				took = min(took, time.Since(start))
				if !errors.Is(err, errs.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("got %v want %v", err, errs.Canceled)
				}
			}
			if took > whole/2 {
				t.Errorf("the run ended after %v of %v", took, whole)
			}
			if err := run(ctx); !errors.Is(err, errs.Canceled) {
				t.Errorf("with a context that has ended: got %v", err)
			}
			// What was ended works again, and a context that ends between runs does no harm.
			late, cancel2 := context.WithCancel(context.Background())
			must(t, run(late))
			cancel2()
			must(t, run(context.Background()))
		})
	}
}

func TestCauseOfTheEnd(t *testing.T) {
	p := tiny(t)
	why := errors.New("the telescope closed")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	err := p.Run(ctx, []*graph.Tensor{graph.Vector[float32](1)}, nil, make([]*graph.Tensor, 1))
	if !errors.Is(err, why) || !errors.Is(err, context.Canceled) || !errors.Is(err, errs.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	const goroutines, runs = 16, 100
	ty := graph.TensorType(graph.Float32, graph.Sym("N"))
	p := compile(t, oneNode("Abs", nil, ty, ty), engine.Options{Threads: 2, Arena: true})
	var wg sync.WaitGroup
	for k := range goroutines {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s, err := p.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for i := range runs {
				n := k + i%7 + 1
				x := graph.NewTensor(graph.Float32, int64(n))
				for j := range graph.Data[float32](x) {
					graph.Data[float32](x)[j] = -float32(k*runs + i)
				}
				out := make([]*graph.Tensor, 1)
				if err := p.Run(ctx, []*graph.Tensor{x}, nil, out); err != nil {
					t.Error(err)
					return
				}
				if err := s.SetInput(0, x); err != nil {
					t.Error(err)
					return
				}
				if err := s.Run(ctx); err != nil {
					t.Error(err)
					return
				}
				for _, y := range []*graph.Tensor{out[0], s.Output(0)} {
					if d := graph.Data[float32](y); len(d) != n || d[n-1] != float32(k*runs+i) {
						t.Errorf("goroutine %d run %d: got %v", k, i, d)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseWhileRunning(t *testing.T) {
	p := compile(t, matmuls(40, 128), engine.Options{})
	x := graph.NewTensor(graph.Float32, 128, 128)
	s := newSession(t, p)
	must(t, s.SetInput(0, x))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				err := p.Run(context.Background(), []*graph.Tensor{x}, nil, make([]*graph.Tensor, 1))
				if errors.Is(err, errs.Closed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	must(t, p.Close())
	wg.Wait()
	must(t, p.Close())
	must(t, s.Run(context.Background())) // a session outlives its plan
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Run(context.Background()); !errors.Is(err, errs.Closed) {
		t.Errorf("run of a closed session: got %v", err)
	}
	if err := s.SetInput(0, x); !errors.Is(err, errs.Closed) {
		t.Errorf("binding to a closed session: got %v", err)
	}
	if _, err := p.NewSession(); !errors.Is(err, errs.Closed) {
		t.Errorf("session of a closed plan: got %v", err)
	}
}

// What is dropped without Close is released by the collector.
func TestForgottenPlansAreReleased(t *testing.T) {
	var c *core
	func() {
		p, err := Engine.Compile(oneNode("Abs", nil, nil, graph.TensorType(graph.Float32, graph.D(1))),
			engine.Options{Library: testkit.ORT(t), Threads: 1})
		must(t, err)
		_, err = p.NewSession()
		must(t, err)
		c = p.(*plan).core
	}()
	for range 100 {
		runtime.GC()
		time.Sleep(time.Millisecond)
		c.mu.Lock()
		users := c.users
		c.mu.Unlock()
		if users == 0 {
			return
		}
	}
	t.Error("a plan and its session are still held")
}

func TestBadInput(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.Sym("N"), graph.D(3))
	p := compile(t, oneNode("Abs", nil, ty, ty), engine.Options{})
	good := graph.NewTensor(graph.Float32, 2, 3)
	for name, c := range map[string]struct {
		in   []*graph.Tensor
		out  *graph.Tensor
		code error
		want string
	}{
		"missing":     {[]*graph.Tensor{nil}, nil, errs.Input, `input "x" (float32[N,3]) is missing`},
		"none":        {nil, nil, errs.Input, "expected 1 inputs (x), got 0"},
		"dtype":       {[]*graph.Tensor{graph.NewTensor(graph.Float64, 2, 3)}, nil, errs.Input, "expected float32[N,3], got float64[2 3]"},
		"rank":        {[]*graph.Tensor{graph.NewTensor(graph.Float32, 3)}, nil, errs.Input, "expected float32[N,3], got float32[3]"},
		"size":        {[]*graph.Tensor{graph.NewTensor(graph.Float32, 2, 4)}, nil, errs.Input, "expected float32[N,3], got float32[2 4]"},
		"kind":        {[]*graph.Tensor{graph.Sequence(good)}, nil, errs.Input, "got sequence of 1"},
		"bytes":       {[]*graph.Tensor{{DType: graph.Float32, Shape: []int64{2, 3}, Raw: make([]byte, 23)}}, nil, errs.Input, "23 bytes"},
		"out dtype":   {[]*graph.Tensor{good}, graph.NewTensor(graph.Float64, 2, 3), errs.Output, "expected float32[N,3], got float64[2 3]"},
		"out strings": {[]*graph.Tensor{good}, graph.NewTensor(graph.String, 2, 3), errs.Output, "only tensors of numbers"},
		"out size":    {[]*graph.Tensor{good}, graph.NewTensor(graph.Float32, 1, 3), errs.Output, "shape"},
	} {
		err := p.Run(t.Context(), c.in, nil, []*graph.Tensor{c.out})
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v want %v with %q", name, err, c.code, c.want)
		}
	}
	s := newSession(t, p)
	if err := s.Run(t.Context()); !errors.Is(err, errs.Input) {
		t.Errorf("a session with nothing bound: got %v", err)
	}
}

func TestErrorsNameTheNode(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.Sym("N"))
	p := compile(t, oneNode("Add", nil, nil, ty, graph.TensorType(graph.Float32, graph.Sym("M"))), engine.Options{})
	err := p.Run(t.Context(), []*graph.Tensor{graph.Vector[float32](1, 2), graph.Vector[float32](1, 2, 3)}, nil, make([]*graph.Tensor, 1))
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != errs.Engine || e.Op != "Add" || e.Node != "node_Add" {
		t.Errorf("got %v: want the node", err)
	}
}

func TestModelsNewerThanTheLibrary(t *testing.T) {
	for name, change := range map[string]func(m *graph.Model){
		"opset": func(m *graph.Model) { m.Opsets[""] = 999 },
		"IR":    func(m *graph.Model) { m.IRVersion = 999 },
	} {
		m := oneNode("Abs", nil, nil, graph.TensorType(graph.Float32, graph.D(1)))
		change(m)
		_, err := Engine.Compile(m, engine.Options{Library: testkit.ORT(t)})
		if !errors.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "newer") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAllUnsupportedOperatorsAreListed(t *testing.T) {
	m := model(func(g *graph.Graph) {
		x := g.NewInput("x", graph.TensorType(graph.Float32, graph.D(1)))
		y := x
		for i, op := range []string{"Warp", "Abs", "Wiggle", "Warp"} {
			y = node(g, op, nil, y)
			y.Name = fmt.Sprint("v", i)
		}
		z := &graph.Value{Name: "z"}
		g.Append(graph.NewNode("com.example", "Wobble", nil, []*graph.Value{y}, []*graph.Value{z}))
		addOutput(g, z, "out", graph.TensorType(graph.Float32, graph.D(1)))
	})
	m.Opsets["com.example"] = 3
	_, err := Engine.Compile(m, engine.Options{Library: testkit.ORT(t)})
	if !errors.Is(err, errs.UnsupportedOp) {
		t.Fatalf("got %v", err)
	}
	wantText(t, "unsupported", err.Error(), "Warp", "Wiggle", "com.example:Wobble")
	if strings.Contains(err.Error(), "Abs") {
		t.Errorf("got %v: Abs is supported", err)
	}
}

func TestProfile(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "profile")
	p := compile(t, oneNode("Abs", nil, nil, graph.TensorType(graph.Float32, graph.D(1))), engine.Options{Profile: prefix})
	run(t, p, graph.Vector[float32](-1))
	file, err := p.(engine.Profiler).EndProfile()
	must(t, err)
	if !strings.HasPrefix(file, prefix) {
		t.Errorf("profile is %s want prefix %s", file, prefix)
	}
	data, err := os.ReadFile(file)
	must(t, err)
	var events []map[string]any
	must(t, json.Unmarshal(data, &events))
	if !strings.Contains(string(data), "node_Abs") {
		t.Errorf("the profile of %d events does not name the node", len(events))
	}
	if _, err := tiny(t).(engine.Profiler).EndProfile(); !errors.Is(err, errs.Input) {
		t.Errorf("a profile nobody asked for: got %v", err)
	}
}

func TestOptions(t *testing.T) {
	n := graph.Sym("N")
	ty := graph.TensorType(graph.Float32, n)
	p := compile(t, oneNode("Abs", nil, ty, ty), engine.Options{
		Threads: 2, InterThreads: 2, Spinning: true, Arena: true, Deterministic: true, Dims: map[string]int64{"N": 2},
		Config: map[string]string{"session.set_denormal_as_zero": "1"}, RunConfig: map[string]string{"memory.enable_memory_arena_shrinkage": "cpu:0"},
	})
	if got := run(t, p, graph.Vector[float32](-1, 2))[0]; !got.Equal(graph.Vector[float32](1, 2)) {
		t.Errorf("got %v", graph.Data[float32](got))
	}
	r := p.Report()
	if r.Engine != "onnxruntime" || r.Library != testkit.ORT(t) || r.Version == "" || r.Threads != 2 || r.Provider != engine.CPU {
		t.Errorf("report is %+v", r)
	}
	if len(r.Placement) != 1 || r.Placement[0].Provider != "CPU" || r.Placement[0].Ops["Abs"] != 1 {
		t.Errorf("placement is %v", r.Placement)
	}
}

// Without a GPU a provider that was asked for is an error that says so; with fallback the report says it.
func TestProviderThatCannotServe(t *testing.T) {
	ty := graph.TensorType(graph.Float32, graph.Sym("N"))
	for _, provider := range []engine.Provider{engine.CUDA, "NoSuchProvider"} {
		t.Run(string(provider), func(t *testing.T) {
			o := engine.Options{Library: testkit.ORT(t), Provider: provider, Device: 0, MemoryLimit: 1 << 30}
			p, err := Engine.Compile(oneNode("Abs", nil, ty, ty), o)
			if err == nil && provider == engine.CUDA {
				testOnDevice(t, p)
				return
			}
			if !errors.Is(err, errs.Unavailable) {
				t.Fatalf("got %v want %v", err, errs.Unavailable)
			}
			wantText(t, "provider", err.Error(), string(provider), "device 0", "allow the CPU")
			o.Fallback = true
			p, err = Engine.Compile(oneNode("Abs", nil, ty, ty), o)
			must(t, err)
			defer p.Close()
			r := p.Report()
			if r.Provider != engine.CPU || len(r.Notes) == 0 || !strings.Contains(strings.Join(r.Notes, " "), string(provider)) {
				t.Errorf("report is %+v", r)
			}
			run(t, p, graph.Vector[float32](-1, 2))
		})
	}
}

// testOnDevice runs where there is a GPU.
func testOnDevice(t *testing.T, p engine.Plan) {
	defer p.Close()
	r := p.Report()
	if len(r.Placement) != 1 || r.Placement[0].Provider != "CUDA" {
		t.Errorf("placement is %v", r.Placement)
	}
	x := graph.Vector[float32](-1, 2)
	if got := run(t, p, x)[0]; !got.Equal(graph.Vector[float32](1, 2)) {
		t.Errorf("got %v", graph.Data[float32](got))
	}
	s := newSession(t, p)
	must(t, s.SetInput(0, x))
	must(t, s.Keep(0))
	must(t, s.Run(t.Context()))
	if s.Output(0) != nil {
		t.Error("a kept output has bytes here")
	}
	must(t, s.Feed(0, 0))
	must(t, s.SetOutput(0, nil))
	must(t, s.Run(t.Context()))
	if got := s.Output(0); !got.Equal(graph.Vector[float32](1, 2)) {
		t.Errorf("after feeding: got %v", got)
	}
}

func TestSignalHandlersAreKept(t *testing.T) {
	ignored := func() uint64 {
		data, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip("no /proc/self/status to read the signals from")
		}
		_, rest, _ := strings.Cut(string(data), "SigIgn:\t")
		line, _, _ := strings.Cut(rest, "\n")
		bits, err := strconv.ParseUint(line, 16, 64)
		must(t, err)
		return bits
	}
	before, within := ignored(), uint64(0)
	keepSignals(engine.CUDA, func() {
		signal.Ignore(syscall.SIGUSR1)
		within = ignored()
	})
	signal.Reset(syscall.SIGUSR1)
	if within == before {
		t.Fatal("the handler was not changed in between")
	}
	keepSignals(engine.CUDA, func() { signal.Ignore(syscall.SIGUSR1) })
	if after := ignored(); after != before {
		t.Errorf("ignored signals are %x want %x", after, before)
	}
	signal.Reset(syscall.SIGUSR1)
	keepSignals(engine.CPU, func() { signal.Ignore(syscall.SIGUSR1) })
	if ignored() == before {
		t.Error("the CPU provider, which changes none, is guarded too")
	}
	signal.Reset(syscall.SIGUSR1)
}

func TestMemoryOfManyRuns(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's shadow memory grows with what is touched")
	}
	ty := graph.TensorType(graph.Float32, graph.Sym("N"))
	p := compile(t, oneNode("Abs", nil, ty, ty), engine.Options{Arena: true})
	s := newSession(t, p)
	runs := func(n int) {
		for i := range n {
			x := graph.NewTensor(graph.Float32, int64(i%1000+1))
			run(t, p, x)
			must(t, s.SetInput(0, x))
			must(t, s.Run(t.Context()))
		}
	}
	runs(2000)
	before := testkit.ResidentBytes(t)
	runs(10000)
	if grown := testkit.ResidentBytes(t) - before; grown > 4<<20 {
		t.Errorf("10,000 runs left %d KB more", grown>>10)
	}
}
