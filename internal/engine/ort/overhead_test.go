//go:build cgo && !purego && (linux || darwin)

package ort

import (
	"context"
	"testing"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/engine"
)

// tiny is a model of one cheap node: runs measure the way there.
func tiny(t testing.TB) engine.Plan {
	x := graph.TensorType(graph.Float32, graph.D(1))
	return compile(t, oneNode("Abs", nil, x, x), engine.Options{Arena: true})
}

func bound(t testing.TB, p engine.Plan) *session {
	t.Helper()
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, err := range []error{s.SetInput(0, graph.Vector[float32](-1)), s.SetOutput(0, graph.Vector[float32](0))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s.(*session)
}

func TestRunsDoNotAllocate(t *testing.T) {
	p := tiny(t)
	s := bound(t, p)
	free := bound(t, p)
	if err := free.SetOutput(0, nil); err != nil {
		t.Fatal(err)
	}
	cancelable, cancel := context.WithCancel(context.Background())
	defer cancel()
	in, out := []*graph.Tensor{graph.Vector[float32](-1)}, make([]*graph.Tensor, 1)
	for name, c := range map[string]struct {
		most float64
		run  func() error
	}{
		"session":                  {0, func() error { return s.Run(context.Background()) }},
		"session with a context":   {0, func() error { return s.Run(cancelable) }},
		"session, engine's output": {0, func() error { return free.Run(context.Background()) }},
		"plan":                     {2, func() error { out[0] = nil; return p.Run(context.Background(), in, nil, out) }},
		"plan in place":            {0, func() error { return p.Run(context.Background(), in, nil, out) }},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.most && !raceEnabled {
			t.Errorf("%s: %v allocations a run, want at most %v", name, got, c.most)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	ctx := context.Background()
	cancelable, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tiny(b)
	b.Run("C", func(b *testing.B) {
		if _, err := bound(b, p).floor(b.N); err != nil {
			b.Fatal(err)
		}
	})
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{{"Session", ctx}, {"SessionCancelable", cancelable}} {
		b.Run(c.name, func(b *testing.B) {
			s := bound(b, p)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Run(c.ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	in, out := []*graph.Tensor{graph.Vector[float32](-1)}, make([]*graph.Tensor, 1)
	for _, c := range []struct {
		name string
		keep bool
		ctx  context.Context
	}{{"Plan", false, ctx}, {"PlanInPlace", true, ctx}, {"PlanCancelable", true, cancelable}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !c.keep {
					out[0] = nil
				}
				if err := p.Run(c.ctx, in, nil, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOutput is the cost of an output of 4 MB, by who provides its memory.
func BenchmarkOutput(b *testing.B) {
	x := graph.TensorType(graph.Float32, graph.Sym("N"))
	p := compile(b, oneNode("Abs", nil, x, x), engine.Options{Arena: true})
	in := graph.NewTensor(graph.Float32, 1<<20)
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		bound bool
	}{{"SessionBound", true}, {"SessionView", false}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := p.NewSession()
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			s.SetInput(0, in)
			if c.bound {
				s.SetOutput(0, graph.NewTensor(graph.Float32, 1<<20))
			}
			for b.Loop() {
				if err := s.Run(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Plan", func(b *testing.B) {
		out := make([]*graph.Tensor, 1)
		for b.Loop() {
			out[0] = nil
			if err := p.Run(ctx, []*graph.Tensor{in}, nil, out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
