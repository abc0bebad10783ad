package reference_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
	"github.com/astronnx/astronnx/internal/engine/reference"
	"github.com/astronnx/astronnx/internal/errs"
	"github.com/astronnx/astronnx/ops"
)

// build returns a model of one float32 input x [n] and what f makes of it.
func build(n int64, f func(b *ops.Builder, x *graph.Value) []*graph.Value) *graph.Model {
	m := &graph.Model{IRVersion: 10, Opsets: map[string]int64{"": 21}, Graph: &graph.Graph{}}
	b := ops.NewBuilder(m.Graph, ops.Standard(), m.Opsets)
	x := m.Graph.NewInput("x", graph.TensorType(graph.Float32, graph.D(n)))
	m.Graph.Outputs = f(b, x)
	return m
}

func compile(t *testing.T, m *graph.Model, o engine.Options) engine.Plan {
	t.Helper()
	p, err := reference.Engine{}.Compile(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t *testing.T, p engine.Plan, in ...*graph.Tensor) []*graph.Tensor {
	t.Helper()
	out := make([]*graph.Tensor, len(p.Outputs()))
	if err := p.Run(context.Background(), in, nil, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func ramp(n int64) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, n)
	for i := range graph.Data[float32](t) {
		graph.Data[float32](t)[i] = float32(i % 7)
	}
	return t
}

// Buffers return to the pool after their last use; a value that views, functions and subgraphs share must outlive all its readers.
// Random graphs of views and sums, large enough for the pool, are compared with what the same graph gives node by node.
func TestReuseOfMemory(t *testing.T) {
	const n = 4096
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := build(n, func(b *ops.Builder, x *graph.Value) []*graph.Value {
			values := []*graph.Value{x}
			for range 12 {
				v := values[r.IntN(len(values))]
				switch r.IntN(6) {
				case 5: // reads v again after it could have been overwritten
					v = b.Op("Sum", nil, v, values[r.IntN(len(values))], v)
				case 0:
					v = b.Op("Identity", nil, v)
				case 1:
					v = b.Reshape(b.Reshape(v, 64, 64), n)
				case 2:
					v = b.Op("Neg", nil, v)
				case 3:
					inner := &graph.Graph{Outputs: []*graph.Value{{Name: b.Name("inner")}}}
					inner.Append(graph.NewNode("", "Abs", nil, []*graph.Value{v}, inner.Outputs))
					other := &graph.Graph{Outputs: []*graph.Value{{Name: b.Name("other")}}}
					other.Append(graph.NewNode("", "Identity", nil, []*graph.Value{v}, other.Outputs))
					cond := b.Const(graph.Scalar(r.IntN(2) == 0))
					v = b.Op("If", graph.Attrs{"then_branch": inner, "else_branch": other}, cond)
				default:
					v = b.Add(v, values[r.IntN(len(values))])
				}
				values = append(values, v)
			}
			return values[len(values)-3:]
		})
		all := *m.Graph // every value an output: nothing is reused
		for _, node := range all.Nodes {
			all.Outputs = append(slices.Clip(all.Outputs), node.Out...)
		}
		x := ramp(n)
		got := run(t, compile(t, m, engine.Options{}), x)
		want := run(t, compile(t, &graph.Model{IRVersion: 10, Opsets: m.Opsets, Graph: &all}, engine.Options{}), x)
		for i := range got {
			if !got[i].Equal(want[i]) {
				t.Fatalf("seed %d: output %d differs when memory is reused", seed, i)
			}
		}
		if !x.Equal(ramp(n)) {
			t.Fatalf("seed %d: the input was overwritten", seed)
		}
		for i := range got { // what the caller owns is shared with nothing
			clear(got[i].Raw)
		}
		if !x.Equal(ramp(n)) || !got[0].Equal(got[0].Clone()) {
			t.Fatalf("seed %d: an output shares the input's memory", seed)
		}
	}
}

func TestOutputsAreTheCallers(t *testing.T) {
	constant := ramp(2048)
	m := build(2048, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		y := b.Op("Neg", nil, x)
		return []*graph.Value{b.Op("Identity", nil, x), y, b.Op("Identity", nil, y), b.Param("c", constant)}
	})
	x := ramp(2048)
	out := run(t, compile(t, m, engine.Options{}), x)
	for i, o := range out {
		before := make([]*graph.Tensor, len(out))
		for k := range out {
			before[k] = out[k].Clone()
		}
		for k := range o.Raw {
			o.Raw[k] = 0xff
		}
		for k := range out {
			if k != i && !out[k].Equal(before[k]) {
				t.Errorf("outputs %d and %d share memory", i, k)
			}
		}
	}
	if !x.Equal(ramp(2048)) || !constant.Equal(ramp(2048)) {
		t.Error("an output shares memory with the input or a constant")
	}
}

func TestRunSelectsAndFills(t *testing.T) {
	m := build(3, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("Neg", nil, x), b.Add(x, x)}
	})
	p := compile(t, m, engine.Options{})
	mine := graph.NewTensor(graph.Float32, 3)
	if err := p.Run(context.Background(), []*graph.Tensor{graph.Vector[float32](1, 2, 3)}, []int{1}, []*graph.Tensor{mine}); err != nil {
		t.Fatal(err)
	}
	if want := graph.Vector[float32](2, 4, 6); !mine.Equal(want) {
		t.Errorf("got %v want 2 4 6", graph.Data[float32](mine))
	}
	for what, err := range map[string]error{
		"a wrong shape":  p.Run(context.Background(), []*graph.Tensor{graph.Vector[float32](1)}, nil, make([]*graph.Tensor, 2)),
		"no input":       p.Run(context.Background(), []*graph.Tensor{nil}, nil, make([]*graph.Tensor, 2)),
		"too many":       p.Run(context.Background(), []*graph.Tensor{mine, mine}, nil, make([]*graph.Tensor, 2)),
		"a wrong output": p.Run(context.Background(), []*graph.Tensor{mine}, []int{0}, []*graph.Tensor{graph.NewTensor(graph.Int32, 3)}),
	} {
		if !errors.Is(err, errs.Input) && !errors.Is(err, errs.Output) {
			t.Errorf("%s: got %v want an error about inputs or outputs", what, err)
		}
	}
	p.Close()
	if err := p.Run(context.Background(), []*graph.Tensor{mine}, nil, make([]*graph.Tensor, 2)); !errors.Is(err, errs.Closed) {
		t.Errorf("got %v want errs.Closed", err)
	}
}

func TestSessionFeedsItself(t *testing.T) {
	m := build(4096, func(b *ops.Builder, x *graph.Value) []*graph.Value { return []*graph.Value{b.Add(x, x)} })
	s, err := compile(t, m, engine.Options{}).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := ramp(4096)
	if err := errors.Join(s.SetInput(0, x), s.Keep(0), s.Run(context.Background()), s.Feed(0, 0), s.Run(context.Background())); err != nil {
		t.Fatal(err)
	}
	if got := graph.Data[float32](s.Output(0))[6]; got != 24 {
		t.Errorf("got %v want 24", got)
	}
	bound := graph.NewTensor(graph.Float32, 4096)
	if err := errors.Join(s.SetInput(0, x), s.SetOutput(0, bound), s.Run(context.Background()), s.Feed(0, 0), s.Run(context.Background())); err != nil {
		t.Fatal(err)
	}
	if got := graph.Data[float32](bound)[6]; got != 24 || s.Output(0) != bound {
		t.Errorf("got %v want 24 in the bound tensor", got)
	}
}

func TestMemoryLimit(t *testing.T) {
	m := build(1<<16, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		for range 20 {
			x = b.Op("Neg", nil, x)
		}
		return []*graph.Value{x}
	})
	x := []*graph.Tensor{ramp(1 << 16)}
	for limit, fits := range map[int64]bool{1 << 18: true, 1<<18 - 1: false} { // each Neg but the first works in place
		err := compile(t, m, engine.Options{MemoryLimit: limit}).Run(context.Background(), x, nil, make([]*graph.Tensor, 1))
		if fits != (err == nil) || err != nil && !errors.Is(err, errs.Limit) {
			t.Errorf("with %d bytes: got %v want success %v", limit, err, fits)
		}
	}
}

// A product that takes seconds stops within 50 ms.
func TestCancel(t *testing.T) {
	const n = 3000
	m := build(n*n, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		a := b.Reshape(x, n, n)
		for range 40 {
			a = b.Op("MatMul", nil, a, a)
		}
		return []*graph.Value{a}
	})
	p := compile(t, m, engine.Options{})
	x := []*graph.Tensor{graph.NewTensor(graph.Float32, n*n)}
	late := time.Hour
	for range 10 { // on a busy machine a goroutine may wake late: one of a few has to be in time
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan time.Time, 1)
		time.AfterFunc(100*time.Millisecond, func() { stopped <- time.Now(); cancel() })
		err := p.Run(ctx, x, nil, make([]*graph.Tensor, 1))
		if !errors.Is(err, errs.Canceled) {
			t.Fatalf("got %v want errs.Canceled", err)
		}
		if late = min(late, time.Since(<-stopped)); late <= 50*time.Millisecond {
			return
		}
	}
	t.Errorf("returned %v after the cancellation want 50 ms", late)
}

func TestUnsupportedAreListedTogether(t *testing.T) {
	m := build(3, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		y := b.Op("Fancy", nil, x)
		return []*graph.Value{b.Op("Fancy", nil, y), b.Op("my.domain:Plain", nil, y)}
	})
	_, err := reference.Engine{}.Compile(m, engine.Options{})
	if !errors.Is(err, errs.UnsupportedOp) || !strings.Contains(err.Error(), "Fancy (opset 21) at nodes [Fancy Fancy_1]") ||
		!strings.Contains(err.Error(), "my.domain:Plain") {
		t.Errorf("got %v want all three nodes named", err)
	}
}

// A fault of a kernel names its node, and so does bad data.
func TestErrorsNameTheNode(t *testing.T) {
	bad := ops.NewSet("my.domain")
	bad.Define(ops.Op{Name: "Broken", Since: 1, Eval: func(*ops.Call) ([]*graph.Tensor, error) { panic("oh") }})
	m := build(3, func(b *ops.Builder, x *graph.Value) []*graph.Value {
		return []*graph.Value{b.Op("my.domain:Broken", nil, x)}
	})
	m.Opsets["my.domain"] = 1
	p := compile(t, m, engine.Options{Ops: bad})
	err := p.Run(context.Background(), []*graph.Tensor{ramp(3)}, nil, make([]*graph.Tensor, 1))
	var e *errs.Error
	if !errors.Is(err, reference.ErrPanic) || !errors.As(err, &e) || e.Node != "Broken" || e.Op != "my.domain:Broken" {
		t.Errorf("got %v want ErrPanic at node Broken", err)
	}
}
